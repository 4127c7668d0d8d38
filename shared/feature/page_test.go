package feature

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPage keeps docs/features.md what the registry says. Run with -update to write it.
func TestPage(t *testing.T) {
	t.Parallel()
	const file = "../../docs/features.md"
	got := page()
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date; run with -update (-page +registry):\n%s", file, diff)
	}
}

const intro = `# Features

This page is written from the registry in ` + "`shared/feature`" + `, the only place where a feature exists: ` + "`go test ./shared/feature -run Page -update`" + `.

A vector is a pure function of the payment and of what had arrived before it. What is unknown is NaN, never zero. Amounts
are in reais.

- **Payments** are seen in order of event time, then EndToEndId. The payment itself and later ones are left out. A window
  of length w holds events with age in [0, w).
- **Statuses** (settled, rejected, returned) are seen from the moment they arrived, beside their payment: an attempt counts
  at once, settled money once its status is there, returns add up.
- **Reports of fraud** are seen from the moment they arrived, never from the time of the fraud. Of one payment the report
  that arrived last counts; one that says no fraud lifts the mark. They stand for 400 days, the newest 256 of an entity.
- **First-ever facts** outlive the 30 days.
- **Ages**: what happened after the payment has no age and is NaN, but for the five minutes that clocks may differ, which
  are zero. A report that arrived more than 31 days after the payment is none: nobody can have known it.
- **Busy streams**: with more than 4,000 events in 30 days, different counterparties are an estimate (HyperLogLog of 256
  registers, standard error 6.5 %), and what needs single payments is missing (dwell time, devices of the payer). Counts,
  sums, maxima and windows stay exact to the millisecond. A store may serve such a stream in tiles; no vector differs by it.
- **Median, deviation and rank of amounts** come from a histogram whose bins are within 0.8 % of every amount in them.
- **Token key rotation**: for 31 days an event carries both tokens and both rows are read, so that no window changes. What
  outlives the windows is carried over to the row of the new token when a payment names the entity in that time. Of an
  entity that none names, first-ever facts and marks from before the rotation are lost, and so is a report that arrives
  after those 31 days on a payment from before the rotation.

## To add a feature

One entry and its test. For example, the largest amount that the payee received in 7 days is one more window of a measure
that exists, in ` + "`payeeVelocity`" + `:

` + "```go" + `
in.over(maxOf(), w7d, w30d),
` + "```" + `

and a ratio of what is known already is an entry of its own, in ` + "`payeeFlows`" + `:

` + "```go" + `
{Definition{"payee_returned_to_out_24h", familyFlow, "payee", "24h", UnitRatio, "the payee sent nothing in 24 hours",
	"Money returned over money the payee sent in 24 hours.", accountRows,
	"as devoluções nas 24 horas anteriores são {v o que o recebedor enviou}",
	"the returns in the 24 hours before are {v what the payee sent}"},
	fromPayee(func(f *frame) float64 {
		return ratio(float64(f.payeeIn.windows[w24h].ReturnedSum), float64(f.payeeOut.windows[w24h].Sum))
	})},
` + "```" + `

Its test is one line of the oracle in ` + "`oracle_test.go`" + `, which recomputes every feature from the raw lists and refuses one
that it does not know. The vector and the names in the audit row follow from the entry; ` + "`go test ./shared/feature ./models -update`" + `
writes this page, ` + "`models/contract/features.json`" + ` and the golden files. The version of the list changes. Models that were trained
before go on serving: a model names what it reads, in the order of the vector, and the rest passes it by
([ADR 14](adr/0014-named-features.md)). ` + "`make model`" + ` trains the next ones with it.

A name keeps its meaning. A feature that is to say something else takes another name, beside the old one until no model
reads that; then the old one can go, and a model that still names it is refused.

`

func page() []byte {
	var b bytes.Buffer
	b.WriteString(intro)
	fmt.Fprintf(&b, "%d features, list version `%s`.\n", Width(), SetVersion())
	family := ""
	for _, d := range Definitions() {
		if d.Family != family {
			family = d.Family
			fmt.Fprintf(&b, "\n## %s\n\n| name | entity | window | unit | missing | what it says |\n|---|---|---|---|---|---|\n", family)
		}
		cells := []string{"`" + d.Name + "`", d.Entity, d.Window, d.Unit, d.Missing, d.Doc}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", "\\|")
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.Bytes()
}
