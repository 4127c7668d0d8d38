package event_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// These tests hold what is written by hand to the table of the contract, and write what follows from it.

// holdFile compares a file with what it should be, or writes it with -update.
func holdFile(t *testing.T, file string, want []byte, then string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s does not follow from the table; run go test ./shared/event -update%s (-table +file):\n%s", file, then, diff)
	}
}

// TestProtoFollowsFromTheContract: the messages of a payment in the .proto file are what the table says.
func TestProtoFollowsFromTheContract(t *testing.T) {
	t.Parallel()
	const file = "proto/pix/v1/transaction.proto"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	protoBodies(t, bodies, "Transaction", pix.Contract())
	for name, body := range bodies {
		whole := regexp.MustCompile(`(?s)\nmessage ` + name + ` \{\n.*?\n\}\n`)
		if !whole.Match(text) {
			t.Errorf("%s: no message %s; write its comment and an empty message {\\n}", file, name)
		}
		text = whole.ReplaceAllLiteral(text, []byte("\nmessage "+name+" {\n"+body+"}\n"))
	}
	holdFile(t, file, text, " and then scripts/proto.sh generate")
}

// protoBodies renders every message below. Messages that several fields share must be the same everywhere.
func protoBodies(t *testing.T, bodies map[string]string, name string, fields []pix.Field) {
	t.Helper()
	var b strings.Builder
	for i := range fields {
		f := &fields[i]
		fmt.Fprintf(&b, "%s  %s %s = %d%s;\n", comment(f.Doc), protoType(t, f), snakeCase(f.Name), f.Number, map[bool]string{true: " [debug_redact = true]"}[isRaw(f)])
		if f.Fields != nil {
			protoBodies(t, bodies, f.Message, f.Fields)
		}
	}
	if before, seen := bodies[name]; seen && before != b.String() {
		t.Errorf("message %s is two things:\n%s", name, cmp.Diff(before, b.String()))
	}
	bodies[name] = b.String()
}

// comment breaks a text between words into lines of at most 120 characters.
func comment(text string) string {
	var b strings.Builder
	line := "  //"
	for word := range strings.SplitSeq(text, " ") {
		if utf8.RuneCountInString(line+" "+word) > 120 {
			b.WriteString(line + "\n")
			line = "  //"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

func placeType(f *pix.Field) reflect.Type { return reflect.TypeOf(f.Place(&pix.Carried{})).Elem() }

func isRaw(f *pix.Field) bool {
	return f.Fields == nil && placeType(f) == reflect.TypeFor[pix.Secret]()
}

func protoType(t *testing.T, f *pix.Field) string {
	t.Helper()
	if f.Message != "" {
		return f.Message
	}
	switch typ := placeType(f); typ {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[pix.Optional[time.Time]]():
		return "google.protobuf.Timestamp"
	case reflect.TypeFor[pix.Optional[time.Duration]]():
		return "google.protobuf.Duration"
	case reflect.TypeFor[pix.Money]():
		return "int64"
	case reflect.TypeFor[pix.Optional[pix.Money]](), reflect.TypeFor[pix.Optional[int64]]():
		return "optional int64"
	case reflect.TypeFor[pix.Optional[bool]]():
		return "optional bool"
	case reflect.TypeFor[float64]():
		return "double"
	case reflect.TypeFor[string](), reflect.TypeFor[pix.Secret](), reflect.TypeFor[pix.EndToEndID](), reflect.TypeFor[pix.ISPB]():
		return "string"
	default:
		return typ.Name() // an enumeration
	}
}

// TestContractPage writes docs/contract.md.
func TestContractPage(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString("# What a payment's message carries\n\nWritten by `go test ./shared/event -update` from the table in `shared/pix/contract_fields.go`; never edit it. Numbers\n" +
		"are those of the fields in the .proto files, inside their message. A field marked **raw** identifies somebody: at the\nfirst trusted hop " +
		"the token named takes its place, and nothing past it holds the value. *column* is where table\n`decisions` keeps it, *rule* what a policy's rules call it (a time as whole hours since).\n\n" +
		"| field | number | kind | identifies | column | rule | meaning |\n|---|---|---|---|---|---|---|\n")
	pix.Walk(pix.Contract(), func(path, column string, f *pix.Field) {
		who := ""
		switch {
		case isRaw(f) && f.Token == "":
			who = "**raw**, dropped"
		case isRaw(f):
			who = "**raw**, then token `" + string(f.Token) + "`"
		case f.Token != "":
			who = "token `" + string(f.Token) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s | %s | %s | %s |\n", path, f.Number, kind(f), who, quoted(column), quoted(f.Variable), f.Doc)
	})
	holdFile(t, "../../docs/contract.md", b.Bytes(), "")
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// kind is the word for what a field holds.
func kind(f *pix.Field) string {
	switch typ := placeType(f); {
	case isRaw(f):
		return "text"
	case typ == reflect.TypeFor[pix.TokenPair]():
		return "tokens"
	case f.Time != nil:
		return "time"
	case f.Span != nil:
		return "duration"
	case f.Flag != nil:
		return "yes or no"
	case f.Real != nil:
		return "number"
	case f.Whole != nil && strings.Contains(typ.String(), "Money"):
		return "centavos"
	case f.Whole != nil:
		return "whole number"
	case f.Example != "":
		return "text"
	default:
		return "code of " + typ.Name()
	}
}

// TestEveryPlaceIsInTheContract: no field of the domain's structs is forgotten, none is wired twice, and each is wired
// under its own name.
func TestEveryPlaceIsInTheContract(t *testing.T) {
	t.Parallel()
	c := &pix.Carried{}
	wired := map[any]string{}
	pix.Walk(pix.Contract(), func(path, _ string, f *pix.Field) {
		place := f.Place(c)
		if before := wired[place]; before != "" {
			t.Errorf("%s and %s are wired to one place", before, path)
		}
		wired[place] = path
	})
	eachPlace(reflect.ValueOf(c).Elem(), "", func(name string, place any) {
		path := wired[place]
		if path == "" {
			t.Errorf("the field %s has no entry in pix.Contract", name)
			return
		}
		if said := strings.ToLower(strings.ReplaceAll(path, ".", "")); !strings.HasPrefix(said, simple(name)) {
			t.Errorf("the field %s is wired to %s", name, path)
		}
		delete(wired, place)
	})
	for _, path := range wired {
		t.Errorf("%s is wired to no field of pix.Carried", path)
	}
}

// eachPlace visits the fields that are no struct of facts.
func eachPlace(v reflect.Value, name string, visit func(name string, place any)) {
	place := v.Addr().Interface()
	typ := v.Type()
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[pix.TokenPair]() || typ == reflect.TypeFor[time.Time]() ||
		strings.HasPrefix(typ.Name(), "Optional[") {
		visit(name, place)
		return
	}
	for i := range typ.NumField() {
		inner := name + typ.Field(i).Name
		if typ.Field(i).Anonymous {
			inner = name
		}
		eachPlace(v.Field(i), inner, visit)
	}
}

// simple is the name of a Go field as the contract spells it, as far as they go together.
func simple(name string) string {
	for _, other := range [][2]string{
		{"PayerTokens", "Payer"}, {"PayeeTokens", "Payee"}, {"PayerFacts", "Payer"}, {"PayeeFacts", "Payee"}, {"DICTLong", "DictLong"},
		{"MandateInitiatorPayment", "MandateInitiatorPayments"}, {"RegisteredAccts", "RegisteredAccounts"},
	} {
		name = strings.ReplaceAll(name, other[0], other[1])
	}
	if name == "ID" {
		name = "EndToEndID"
	}
	return strings.ToLower(name)
}

// TestContractIsSound holds the table to its own laws.
func TestContractIsSound(t *testing.T) {
	t.Parallel()
	paths, columns, variables := map[string]bool{}, map[string]bool{}, map[string]bool{}
	tokens := map[pix.TokenKind]bool{}
	once := func(what string, seen map[string]bool, name string) {
		if name != "" && seen[name] {
			t.Errorf("the %s %s is given twice", what, name)
		}
		seen[name] = true
	}
	pix.Walk(pix.Contract(), func(path, column string, f *pix.Field) {
		once("field", paths, path)
		once("column", columns, column)
		once("variable", variables, f.Variable)
		if !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: what is it? Doc is a sentence", path)
		}
		given := slices.DeleteFunc([]bool{f.Text != nil, f.Whole != nil, f.Flag != nil, f.Time != nil, f.Span != nil, f.Real != nil},
			func(b bool) bool { return !b })
		switch {
		case isRaw(f) && (column != "" || f.Variable != "" || len(given) > 0):
			t.Errorf("%s is a raw identifier and would be kept or read", path)
		case isRaw(f) || f.Token != "":
			tokens[f.Token] = tokens[f.Token] || !isRaw(f)
		case len(given) != 1:
			t.Errorf("%s has %d ways to be read, want one", path, len(given))
		case column == "":
			t.Errorf("%s is stored nowhere: a payment could not be replayed from its row", path)
		}
	})
	for kind, taken := range tokens {
		if kind != "" && !taken {
			t.Errorf("raw identifiers become tokens %s, which no field carries", kind)
		}
	}
}

// TestEveryFieldIsValidated: each fact has bounds. A yes or no has none.
func TestEveryFieldIsValidated(t *testing.T) {
	t.Parallel()
	pix.Walk(pix.Contract(), func(path, _ string, f *pix.Field) {
		if f.Flag != nil {
			return
		}
		own := f.Token != "" && !isRaw(f)
		c := &pix.Carried{}
		absurd(f.Place(c))
		var err error
		if tx := c.Transaction(); own {
			err = tx.Validate(now())
		} else {
			err = c.Validate(now())
		}
		if !slices.ContainsFunc(problems(t, err), func(p pix.Problem) bool { return strings.HasPrefix(path+".", p.Field+".") }) {
			t.Errorf("%s may be anything: give it bounds in shared/pix, and name them after it", path)
		}
	})
}

// absurd is a value that no field may have.
func absurd(place any) {
	switch to := place.(type) {
	case *time.Time:
		*to = now().AddDate(1, 0, 0)
	case *pix.Optional[time.Time]:
		*to = pix.Some(now().AddDate(1, 0, 0))
	case *pix.Optional[time.Duration]:
		*to = pix.Some(-time.Hour)
	case *pix.Money:
		*to = pix.MaxAmount + 1
	case *pix.Optional[pix.Money]:
		*to = pix.Some(pix.MaxAmount + 1)
	case *pix.Optional[int64]:
		*to = pix.Some[int64](-1)
	case *float64:
		*to = -1
	case *pix.TokenPair:
		to.Current = "a"
	default:
		reflect.ValueOf(place).Elem().SetString(strings.Repeat("\x01", 300))
	}
}

// problems are those of a validation.
func problems(t *testing.T, err error) []pix.Problem {
	t.Helper()
	var p *pix.Problems
	if !errors.As(err, &p) {
		t.Fatalf("valid: %v", err)
	}
	return p.List
}
