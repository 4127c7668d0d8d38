package event_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

var update = flag.Bool("update", false, "write testdata anew")

// honest is a payment none of whose values is in the example of a problem.
const honest = `{
  "endToEndId": "E98765432202611231425zZ9yY8xX7wW",
  "eventTime": "2026-11-23T14:25:31.987Z",
  "direction": "DIRECTION_OUTBOUND",
  "amountCentavos": 424242,
  "initiation": "INITIATION_DICT",
  "payer": {"ispb": "98765432", "accountType": "ACCOUNT_TYPE_CACC", "document": "390.533.447-05", "branch": "7777", "account": "8888777-1", "name": "Joana Canario", "balanceCentavos": 676767, "state": "RJ"},
  "payee": {"ispb": "B7C8D9E0", "key": "canario@exemplo.net", "keyKind": "EMAIL"},
  "device": {"id": "canario-device", "firstSeenAt": "2026-11-20T13:50:07Z", "remoteAccess": true},
  "session": {"duration": "61.25s", "failedLogins": 2},
  "dict": {"settlements": {"d3": 5}}
}
`

// spoilt is a document that is refused.
type spoilt struct {
	data       []byte
	attributes map[string]string
}

// refusedDocuments are payments that people and programs sent wrongly.
func refusedDocuments(t *testing.T) map[string]spoilt {
	t.Helper()
	all := map[string]spoilt{}
	as := func(name, data string, attributes ...string) {
		m := map[string]string{}
		for i := 0; i < len(attributes); i += 2 {
			m[attributes[i]] = attributes[i+1]
		}
		all[name] = spoilt{[]byte(data), m}
	}
	swap := func(name string, oldNew ...string) {
		data := strings.NewReplacer(oldNew...).Replace(honest)
		if data == honest {
			t.Fatalf("%s changes nothing", name)
		}
		as(name, data)
	}
	textDefects(as)
	syntaxDefects(as, swap)
	typeDefects(swap)
	valueDefects(swap)
	nameDefects(swap)
	as("schema of another type", honest, "schema", "pix.v1.Canario")
	as("encoding nobody knows", honest, "encoding", "canario")
	as("too large", strings.Repeat(" ", event.MaxDataBytes)+honest)
	as("JSON as proto", honest, "encoding", "proto")
	as("proto cut off", "\x0a\x20E98765432", "encoding", "proto")
	as("proto of nothing", "", "encoding", "proto")
	as("proto, wire type", "\x08\x01", "encoding", "proto")
	as("proto, unknown field", "\xf8\x07\x01", "encoding", "proto")
	as("proto, malformed inside", "\x5a\x02\x0a\x09", "encoding", "proto")
	return all
}

func textDefects(as func(string, string, ...string)) {
	units := utf16.Encode([]rune(honest))
	little, big := []byte{0xff, 0xfe}, []byte{0xfe, 0xff}
	for _, u := range units {
		little = append(little, byte(u), byte(u>>8))
		big = append(big, byte(u>>8), byte(u))
	}
	as("byte order mark", "\xef\xbb\xbf"+honest)
	as("UTF-16, little end first", string(little))
	as("UTF-16, big end first", string(big))
	as("UTF-16 without a mark", string(little[2:]))
	as("Latin-1", strings.Replace(honest, "Joana Canario", "Jo\xe3o Canario", 1))
	as("gzip", "\x1f\x8b\x08\x00canario")
	as("empty", "")
	as("blanks", " \n\t ")
	as("top-level array", "["+honest+"]")
	as("top-level text", `"canario"`)
	as("top-level number", "424242")
	as("top-level null", "null")
	as("NDJSON", strings.ReplaceAll(honest, "\n", " ")+"\n"+strings.ReplaceAll(honest, "\n", " "))
	as("two documents", honest+honest)
	as("text after the document", honest+"canario")
}

func syntaxDefects(as func(string, string, ...string), swap func(string, ...string)) {
	swap("trailing comma", `{"d3": 5}}`, `{"d3": 5},}`)
	swap("single quotes", `"7777"`, `'7777'`)
	swap("single quotes of a name", `"branch"`, `'branch'`)
	swap("name without quotes", `"branch"`, `branch`)
	swap("no comma", `"7777",`, `"7777"`)
	swap("no colon", `"branch":`, `"branch"`)
	swap("no value", `"7777"`, ``)
	swap("comment", `"payer":`, `// canario`+"\n"+`"payer":`)
	swap("control character", "Joana Canario", "Joana\nCanario")
	swap("escape", "Joana Canario", `Joana\x43anario`)
	swap("half a surrogate pair", "Joana Canario", `Joana\ud83dCanario`)
	swap("bare NaN", "424242", "NaN")
	swap("leading zero", "424242", "0424242")
	swap("plus", "424242", "+424242")
	swap("True of Python", `"remoteAccess": true`, `"remoteAccess": True`)
	swap("too deep", `"settlements": {"d3": 5}`, `"canario": `+strings.Repeat("[", 40)+strings.Repeat("]", 40))
	as("cut off between fields", honest[:strings.Index(honest, `"amountCentavos"`)])
	as("cut off in a text", honest[:strings.Index(honest, "Canario")+3])
}

func typeDefects(swap func(string, ...string)) {
	swap("amount as text", "424242", `"canario"`)
	swap("amount with decimals", "424242", "4242.42")
	swap("amount with a comma", "424242", `"4242,42"`)
	swap("amount in reais", "424242", `"R$ 4.242,42"`)
	swap("amount as an object", "424242", `{"value": 424242}`)
	swap("amount as an array", "424242", `[424242]`)
	swap("amount as a flag", "424242", `true`)
	swap("amount beyond 64 bits", "424242", `92233720368547758099`)
	swap("balance with decimals", "676767", "6767.67")
	swap("count as text", `"failedLogins": 2`, `"failedLogins": "canario"`)
	swap("count inside dict", `"d3": 5`, `"d3": 5.5`)
	swap("number for a text", `"7777"`, `7777`)
	swap("object for a text", `"8888777-1"`, `{"number": "8888777-1"}`)
	swap("array for a text", `"390.533.447-05"`, `["390.533.447-05"]`)
	swap("text for an object", `{"d3": 5}`, `"canario"`)
	swap("array for an object", `{"duration": "61.25s", "failedLogins": 2}`, `[{"duration": "61.25s"}]`)
	swap("text for a flag", `"remoteAccess": true`, `"remoteAccess": "true"`)
	swap("number for a flag", `"remoteAccess": true`, `"remoteAccess": 1`)
	swap("three wrong types", "424242", `"canario"`, `"7777"`, `7777`, `"remoteAccess": true`, `"remoteAccess": "canario"`)
	swap("weight", `"dict":`, `"samplingWeight": "canario", "dict":`)
}

func valueDefects(swap func(string, ...string)) {
	const at = `"2026-11-23T14:25:31.987Z"`
	swap("time without a zone", at, `"2026-11-23T14:25:31.987"`)
	swap("time with a blank", at, `"2026-11-23 14:25:31.987-03:00"`)
	swap("seconds since 1970", at, `1795443931`)
	swap("milliseconds since 1970", at, `1795443931987`)
	swap("seconds as text", at, `"1795443931"`)
	swap("date alone", at, `"2026-11-22"`)
	swap("date of Brazil", at, `"23/11/2026 14:25:31"`)
	swap("tenth digit of a second", at, `"2026-11-23T14:25:31.9876543210Z"`)
	swap("30 February", at, `"2026-02-30T14:25:31.987Z"`)
	swap("future", at, `"2026-11-24T01:25:31.987Z"`)
	swap("no time", at, `null`)
	swap("inner time without a zone", `"2026-11-20T13:50:07Z"`, `"2026-11-20T13:50:07"`)
	swap("duration as a number", `"61.25s"`, `61.25`)
	swap("duration of ISO 8601", `"61.25s"`, `"PT61.25S"`)
	swap("duration in milliseconds", `"61.25s"`, `"61250ms"`)
	swap("negative duration", `"61.25s"`, `"-61.25s"`)
	swap("enum in lower case", "DIRECTION_OUTBOUND", "outbound")
	swap("enum of another type", "INITIATION_DICT", "PURPOSE_IPAY")
	swap("unknown direction", "DIRECTION_OUTBOUND", "SIDEWAYS")
	swap("unknown purpose", `"payer":`, `"purpose": "CANARIO", "payer":`)
	swap("unknown number of an enum", `"DIRECTION_OUTBOUND"`, "99")
	swap("enum that is an identifier", `"EMAIL"`, `"39053344705"`)
	swap("no direction", `"direction": "DIRECTION_OUTBOUND",`, "")
	swap("id too short", "E98765432202611231425zZ9yY8xX7wW", "E987")
	swap("id of another day", "E98765432202611231425", "E98765432202611201425")
	swap("no account", `"account": "8888777-1",`, "")
	swap("check digits", "390.533.447-05", "390.533.447-06")
	swap("telephone as document", "390.533.447-05", "21987654321")
	swap("13 digits as document", "390.533.447-05", "3905334470512")
	swap("telephone without its country", `"canario@exemplo.net", "keyKind": "EMAIL"`, `"21987654321", "keyKind": "PHONE"`)
	swap("telephone of no kind", `"canario@exemplo.net", "keyKind": "EMAIL"`, `"(21) 98765-4321"`)
	swap("key of another kind", `"EMAIL"`, `"EVP"`)
	swap("state", `"RJ"`, `"Rio de Janeiro"`)
	swap("negative amount", "424242", "-424242")
	swap("txid on a key", `"payer":`, `"txid": "canario", "payer":`)
}

func nameDefects(swap func(string, ...string)) {
	swap("misspelt flag", "remoteAccess", "remoteAcess")
	swap("misspelt in capitals", "endToEndId", "endToEndID")
	swap("misspelt in snake_case", "amountCentavos", "amount_centavo")
	swap("unknown everywhere", `"payer": {`, `"latitude": 1, "payer": {"nickname": "canario", `, `"d3"`, `"d7"`)
	swap("name with digits", `"branch"`, `"39053344705"`)
	swap("name like a key", `"branch"`, `"canario@exemplo.net"`)
	swap("name too long", `"branch"`, `"`+strings.Repeat("canario", 6)+`"`)
	swap("field twice", `"424242"`, `"1"`, `"initiation"`, `"amountCentavos": 1, "initiation"`)
	swap("both spellings", `"initiation"`, `"amount_centavos": 1, "initiation"`)
	swap("object twice", `"device"`, `"payer": {"ispb": "98765432"}, "device"`)
	swap("raw identifiers and tokens", `"key":`, `"accountToken": {"current": "acct.1.canario"}, "key":`)
	swap("nothing but facts", `"account": "8888777-1",`, "", `"document": "390.533.447-05", "branch": "7777",`, "", `"name": "Joana Canario",`, "",
		`"key": "canario@exemplo.net", "keyKind": "EMAIL"`, `"accountType": "CACC"`, `"id": "canario-device",`, "")
}

// TestEveryRefusalSaysWhatToMend holds what each refused document is told to testdata/refused.golden, and each of it to
// the form: the field or the document as a whole, what was expected with an example, nothing of the document.
func TestEveryRefusalSaysWhatToMend(t *testing.T) {
	t.Parallel()
	if _, err := event.DecodeTransaction(event.Envelope{Data: []byte(honest)}, tokenizer(t), now()); err != nil {
		t.Fatalf("the document that is spoilt is refused itself: %v", err)
	}
	documents := refusedDocuments(t)
	if len(documents) < 61 {
		t.Errorf("only %d documents", len(documents))
	}
	var got bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		d := documents[name]
		_, err := event.DecodeTransaction(event.Envelope{Data: d.data, Attributes: d.attributes}, tokenizer(t), now())
		var p *pix.Problems
		if err == nil || !errors.As(err, &p) {
			t.Errorf("%s: accepted, or refused without problems: %v", name, err)
			continue
		}
		holdToForm(errorer{t}, err)
		fmt.Fprintf(&got, "%s (%v)\n", name, pix.KindOf(err))
		for _, one := range p.List {
			fmt.Fprintf(&got, "  %s: %s\n", one.Field, one.Reason)
		}
		for _, value := range values(d.data) {
			if strings.Contains(err.Error(), value) {
				t.Errorf("%s: quotes %q: %v", name, value, err)
			}
		}
	}
	file := filepath.Join("testdata", "refused.golden")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if d := cmp.Diff(string(want), got.String()); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

// values are the parts of a document that no problem may contain: texts and numbers, but for the codes of the contract.
func values(data []byte) []string {
	var all []string
	for _, m := range regexp.MustCompile(`"([^"]{3,})"\s*:|"([^"]{3,})"|([0-9.]{4,})`).FindAllSubmatch(data, -1) {
		for _, value := range m[2:] {
			if len(value) > 0 && !regexp.MustCompile(`^[A-Z]+_[A-Z_]+$|^EMAIL$|^EVP$|^PHONE$|^CACC$|^true$|^.\w+.: $`).Match(value) {
				all = append(all, string(value))
			}
		}
	}
	return append(all, "anari", "390", "8765432")
}

// TestProblemsAreBounded: a hundred thousand unknown fields, or a name of megabytes above as many, cost what reading
// them costs and no more, and at most a hundred are named.
func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	var many bytes.Buffer
	for n := range 300_000 {
		fmt.Fprintf(&many, `"u%c%c%c":[1],`, 'a'+n%26, 'a'+n/26%26, 'a'+n/676%26)
	}
	members := strings.TrimSuffix(many.String(), ",")
	for name, c := range map[string]struct {
		data string
		most int
	}{
		"unknown":             {`{"payer":{"account":"1",` + members + `}}`, 100},
		"below a long name":   {`{"` + strings.Repeat("n", 3_000_000) + `":{` + members + `}}`, 20},
		"twice":               {`{"txid":"a"` + strings.Repeat(`,"txid":"a"`, 300_000) + `}`, 100},
		"digits without end":  {`{"amountCentavos":` + strings.Repeat("1", 3_000_000) + `}`, 20},
		"zeros without end":   {`{"amountCentavos":1e-` + strings.Repeat("0", 3_000_000) + `}`, 20},
		"escapes without end": {`{"amountCentavos":"` + strings.Repeat(`\u0031`, 1_000_000) + `"}`, 20},
	} {
		_, err := event.DecodeTransaction(event.Envelope{Data: []byte(c.data)}, tokenizer(t), now())
		var p *pix.Problems
		if !errors.As(err, &p) || len(p.List) > c.most || len(err.Error()) > 20_000 {
			t.Errorf("%s: %.300v", name, err)
		}
	}
	tx := exampleTransaction(t)
	e, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	e.Data = append(e.Data, bytes.Repeat([]byte{0xf8, 0x07, 1}, 300_000)...)
	if got, err := event.DecodeTransaction(e, nil, now()); err != nil || got != tx {
		t.Errorf("a newer release's many fields: %v", err)
	}
}
