package main

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRules: the rules that the mixin takes in are those that the prices give.
func TestRules(t *testing.T) {
	t.Parallel()
	const file = "rules.yaml"
	var out strings.Builder
	if err := run([]string{"-root", root, "-rules", "-env", "prod"}, &out); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stands, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(out.String(), string(stands)); diff != "" {
		t.Errorf("run go test ./terraform/cost -update\n%s", diff)
	}
	if err := run([]string{"-root", root, "-rules"}, &out); err == nil {
		t.Error("rules of no environment were printed")
	}
}

// TestRatesAddUpToTheBill: at the rate and with the bytes that the table assumes, each part of the rules comes to what the table
// says. The table pays a payment's first hop by its bytes, where Pub/Sub counts a thousand at least; and a project's first 50 GiB of
// logs cost nothing.
func TestRatesAddUpToTheBill(t *testing.T) {
	t.Parallel()
	b := basisOf(t)
	published := max(b.measured["Pub/Sub: bytes of the payment"], smallestMessage) + max(b.measured["Pub/Sub: bytes of the decision"], smallestMessage)
	for _, payments := range []float64{363, 3626} {
		m, err := b.month("prod", payments)
		if err != nil {
			t.Fatal(err)
		}
		r, pubsub, bigquery := m.rates(), m.messages(), m.warehouse()
		rest := -pubsub - bigquery
		for _, l := range m.lines() {
			rest += l.USD
		}
		for name, c := range map[string]struct{ rules, table, within float64 }{
			"Pub/Sub":  {payments * published * r.Published, pubsub, 0.1},
			"BigQuery": {payments * b.measured["BigQuery: bytes of the audit row"] * r.Appended, bigquery, 1e-9},
			"the rest": {r.Provisioned + payments*r.Kept, rest, 0.01},
		} {
			if math.Abs(c.rules*seconds/c.table-1) > c.within {
				t.Errorf("%v payments a second: %s costs %.0f US$ a month by the rules, %.0f by the table", payments, name, c.rules*seconds, c.table)
			}
		}
	}
}
