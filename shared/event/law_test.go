package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// documents is how many are generated: go test ./shared/event -run OneGrammar -documents 2000000.
var documents = flag.Int("documents", 30_000, "how many documents TestOneGrammar makes")

// member is a field of a JSON object, with its text or its own members.
type member struct {
	name    string
	text    string
	members []member
}

// author makes documents of one seed: an example of which members are left out, written otherwise, or spoilt.
type author struct {
	*rand.Rand
	bases  [][]member
	protos [][]byte
}

func newAuthor(tb testing.TB, seed uint64) *author {
	tb.Helper()
	tx := exampleTransaction(tb)
	tx.PayerFacts.KeyKind, tx.PayeeFacts.Person = pix.KeyEVP, pix.LegalPerson
	e, err := event.EncodeTransaction(&tx)
	if err != nil {
		tb.Fatal(err)
	}
	a := &author{Rand: rand.New(rand.NewPCG(seed, 12)), protos: [][]byte{e.Data, rawProto(tb)}} //nolint:gosec // a seed
	for _, data := range [][]byte{example(tb), tokenisedJSON(tb, e.Data)} {
		a.bases = append(a.bases, object(tb, data))
	}
	return a
}

// object reads the members of an object in their order.
func object(tb testing.TB, data []byte) []member {
	tb.Helper()
	in := json.NewDecoder(bytes.NewReader(data))
	if _, err := in.Token(); err != nil {
		tb.Fatal(err)
	}
	var all []member
	for in.More() {
		name, err := in.Token()
		if err != nil {
			tb.Fatal(err)
		}
		var text json.RawMessage
		if err := in.Decode(&text); err != nil {
			tb.Fatal(err)
		}
		m := member{name: fmt.Sprint(name), text: string(text)}
		if text[0] == '{' {
			m.members = object(tb, text)
		}
		all = append(all, m)
	}
	return all
}

func (a *author) one(of ...string) string { return of[a.IntN(len(of))] }

func (a *author) chance(percent int) bool { return a.IntN(100) < percent }

// document writes a document and tells whether it was damaged at random.
func (a *author) document() (data []byte, damaged bool) {
	var b strings.Builder
	b.WriteString(a.one("", "", "", " ", "\n\t"))
	rate := max(0, a.IntN(6)-2) // half of the documents are as they should be, but for what is left out
	a.object(&b, a.bases[a.IntN(len(a.bases))], rate)
	b.WriteString(a.one("", "", "", "\r\n", " "))
	data = []byte(b.String())
	if !a.chance(8) {
		return data, false
	}
	return a.damage(data), true
}

func (a *author) damage(data []byte) []byte {
	i := a.IntN(len(data))
	switch a.IntN(4) {
	case 0:
		return data[:i]
	case 1:
		return slices.Delete(data, i, i+1)
	case 2:
		return slices.Insert(data, i, a.one("\xff", "\x00", "\\", "\"", "'", "{", "]", ",", "9", "é", " ")[0])
	default:
		data[i] ^= 1 << a.IntN(8)
		return data
	}
}

func (a *author) object(b *strings.Builder, members []member, rate int) {
	blank := ""
	if a.chance(20) {
		blank = a.one(" ", "\n", "\t\r\n ")
	}
	b.WriteString("{" + blank)
	first := true
	next := func() {
		if !first {
			b.WriteString(blank + "," + blank)
		}
		first = false
	}
	for _, m := range members {
		if a.chance(2) || m.members != nil && !strings.HasPrefix(m.name, "pay") && a.chance(50) {
			continue
		}
		next()
		a.member(b, m, rate)
		if a.IntN(400) < rate {
			next()
			a.member(b, m, rate)
		}
		if a.IntN(400) < rate {
			next()
			fmt.Fprintf(b, `"%s":%s`, a.one("remoteAcess", "x", "end_To_end_id", "52998224725", "m12", "", `\u0061`, "Name", "_"), a.junk(2))
		}
	}
	b.WriteString(blank + "}")
}

func (a *author) member(b *strings.Builder, m member, rate int) {
	name := m.name
	if a.chance(10 * rate) {
		name = snakeCase(name)
	}
	if a.IntN(200) < rate {
		name = fmt.Sprintf(`\u%04x%s`, name[0], name[1:])
	}
	b.WriteString(`"` + name + `"` + a.one("", "", " ") + ":" + a.one("", "", " ", "\n"))
	switch {
	case a.IntN(300) < rate:
		b.WriteString(a.junk(3))
	case m.members != nil:
		a.object(b, m.members, rate)
	case a.chance(5 * rate):
		b.WriteString(a.otherwise(m))
	default:
		b.WriteString(m.text)
	}
}

// otherwise writes a value in another way, of which some are wrong.
func (a *author) otherwise(m member) string {
	unquoted := strings.Trim(m.text, `"`)
	switch {
	case strings.HasSuffix(m.name, "Centavos"), m.name == "failedLogins", m.name == "d3":
		return a.one(unquoted, `"`+unquoted+`"`, unquoted+".0", unquoted+"0e-1", unquoted+"e1", unquoted+"E+2", unquoted+".25e2", `"`+unquoted+`e0"`,
			unquoted+".5", unquoted+"e-9", `"`+unquoted+`.5"`, "0", "-0", "-1", "1e19", `"\u0031"`, "null", "0"+unquoted, "9223372036854775807")
	case strings.Contains(unquoted, "_") && unquoted == strings.ToUpper(unquoted):
		short := unquoted[strings.LastIndexByte(unquoted, '_')+1:]
		return a.one(`"`+short+`"`, `"`+short+`"`, "1", "2", "1e0", "99", "-1", "2147483648", `"`+strings.ToLower(short)+`"`, `"NEW_VALUE"`, `"UNKNOWN"`,
			`"UNSPECIFIED"`, `"52998224725"`, `""`, `"1"`, "null", "0", `"`+unquoted+` "`)
	case len(unquoted) > 4 && m.text[0] == '"':
		return a.one(`"`+fmt.Sprintf(`\u%04x`, unquoted[0])+unquoted[1:]+`"`, `""`, "null", `"`+unquoted[:4]+`\ud83d\ude00"`, `"`+unquoted+`\ud83d"`,
			`"`+unquoted+`\/\b"`, `"a b"`, `"2026-11-23T14:30:12+03:00"`, `"2026-11-23T14:30:12.5"`, `"0.000000001s"`, `"1s"`)
	default:
		return a.one("true", "false", "null", `"true"`, "0", "1", "TRUE", `"x"`)
	}
}

// junk is a value of any type, nested at most depth levels.
func (a *author) junk(depth int) string {
	if depth == 0 {
		return a.one("1", `"x"`, "null")
	}
	inner := a.junk(depth - 1)
	return a.one("null", "true", "-1.5e3", "0", `"text"`, `"\ud83d\ude00"`, "[]", "{}", "["+inner+",1]", `{"`+a.one("a", "payer", "d3")+`":`+inner+`}`,
		`{"a":`+inner+`,"a":[]}`, "[,]", "01", `"\x"`, strings.Repeat("[", 40)+strings.Repeat("]", 40))
}

func snakeCase(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// TestOneGrammar: over generated documents, the reader and the reference (protojson, proto and the generated message)
// accept the same and make the same payments of it; every refusal says what to mend. Damage at random may hit the three
// things in which the reader is stricter, so there it may refuse more.
func TestOneGrammar(t *testing.T) {
	t.Parallel()
	const writers = 2
	var tally [writers]struct{ accepted, refused int }
	var work sync.WaitGroup
	for w := range writers {
		a := newAuthor(t, uint64(w))
		tokens := tokenizer(t)
		work.Go(func() {
			for n := 0; n < *documents/writers && !t.Failed(); n++ {
				data, damaged := a.document()
				asProto := n%3 == 0
				if asProto {
					data, damaged = a.wire(), false
				}
				e := envelope(data, asProto)
				if n%5 == 0 {
					passedOn(t, event.Decoder{Tokenizer: tokens, Raw: n%2 == 0}, e)
				}
				if oneGrammar(t, e, tokens, damaged) {
					tally[w].accepted++
				} else {
					tally[w].refused++
				}
			}
		})
	}
	work.Wait()
	accepted, refused := tally[0].accepted+tally[1].accepted, tally[0].refused+tally[1].refused
	t.Logf("%d documents accepted, %d refused", accepted, refused)
	if total := accepted + refused; accepted < total/10 || refused < total/10 {
		t.Error("the documents are all of one kind: the test lost its teeth")
	}
}

// oneGrammar holds one document to the reference and tells whether it was accepted.
func oneGrammar(t *testing.T, e event.Envelope, tokens *pix.Tokenizer, damaged bool) bool {
	t.Helper()
	got, err := event.DecodeTransaction(e, tokens, now())
	want, refused := decodeReference(e, tokens, now())
	if err != nil {
		holdToForm(errorer{t}, err)
	}
	if (err == nil) == (refused == nil) && (err != nil || got == want) || damaged && err != nil {
		return err == nil
	}
	t.Errorf("the reader: %v\nthe reference: %v\n%s\n%q", err, refused, cmp.Diff(want, got, equal()), e.Data)
	return false
}

// passedOn holds the short way of a payment to the long one: the same bytes and id behind what was there, or the same refusal.
func passedOn(t *testing.T, d event.Decoder, e event.Envelope) {
	t.Helper()
	data := bytes.Clone(e.Data)
	got, id, err := d.Tokenised([]byte("before"), e, now())
	want := event.Envelope{}
	tx, refused := d.Transaction(e, now())
	if refused == nil {
		want, refused = event.EncodeTransaction(&tx)
	}
	if fmt.Sprint(err) != fmt.Sprint(refused) || string(got) != "before"+string(want.Data) || id != tx.ID && err == nil {
		t.Errorf("passed on as %x, %v\nnot as %x, %v\n%q", got, err, want.Data, refused, e.Data)
	}
	if !bytes.Equal(data, e.Data) {
		t.Errorf("reading changes what is read: %q", data)
	}
}

// errorer is for tests whose goroutines may not stop them.
type errorer struct{ *testing.T }

func (e errorer) Fatalf(format string, of ...any) { e.Errorf(format, of...) }
