package event_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/eventtest"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestEveryRefusalSaysWhatToMend holds what each refused document is told to testdata/refused.golden, and each of it to
// the form: the field or the document as a whole, what was expected with an example, nothing of the document.
func TestEveryRefusalSaysWhatToMend(t *testing.T) {
	t.Parallel()
	if _, err := event.DecodeTransaction(event.Envelope{Data: []byte(eventtest.Honest)}, tokenizer(t), now()); err != nil {
		t.Fatalf("the document that is spoilt is refused itself: %v", err)
	}
	documents := eventtest.Refused(t)
	if len(documents) < 61 {
		t.Errorf("only %d documents", len(documents))
	}
	var got bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		d := documents[name]
		_, err := event.DecodeTransaction(d, tokenizer(t), now())
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
		for _, value := range eventtest.Values(d.Data) {
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
