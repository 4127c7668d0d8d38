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

// TestRatesAddUpToTheBill: at the rate and with the bytes that the table assumes, the rules come to what the table says; the 50
// GiB of logs that cost nothing are within the difference.
func TestRatesAddUpToTheBill(t *testing.T) {
	t.Parallel()
	b := basisOf(t)
	for _, payments := range []float64{363, 3626} {
		m, err := b.month("prod", payments)
		if err != nil {
			t.Fatal(err)
		}
		e, err := b.estimate("prod", payments)
		if err != nil {
			t.Fatal(err)
		}
		r := m.rates()
		published := max(b.measured["Pub/Sub: bytes of the payment"], smallestMessage) + max(b.measured["Pub/Sub: bytes of the decision"], smallestMessage)
		second := r.Provisioned + payments*(r.Kept+published*r.Published+b.measured["BigQuery: bytes of the audit row"]*r.Appended)
		if bill := e.total() / seconds; math.Abs(second/bill-1) > 0.02 {
			t.Errorf("%v payments a second: the rules say %.6f US$ a second, the table %.6f", payments, second, bill)
		}
	}
}
