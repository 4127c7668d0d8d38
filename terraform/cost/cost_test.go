package main

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table into README.md")

const root = "../.."

func basisOf(t *testing.T) basis {
	t.Helper()
	b, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTable: the page shows what the command prints, so a size, a price or a byte that changes is seen in review.
func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"-root", root}, &out); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(page), "<!-- written by the test -->\n")
	shown, after, ok := strings.Cut(rest, "<!-- end -->\n")
	if !ok {
		t.Fatal("README.md has no place for the table")
	}
	if *update {
		text := before + "<!-- written by the test -->\n" + out.String() + "<!-- end -->\n" + after
		if err := os.WriteFile("README.md", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(out.String(), shown); diff != "" {
		t.Errorf("run go test ./terraform/cost -update\n%s", diff)
	}
}

// TestAMissingPrice is an error that names it; it is never nothing.
func TestAMissingPrice(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(basisOf(t).prices.Prices)) {
		b := basisOf(t)
		delete(b.prices.Prices, name)
		_, err := b.estimate("prod", 0)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	b := basisOf(t)
	delete(b.measured, "Bigtable: rows written")
	if _, err := b.estimate("prod", 0); err == nil || !strings.Contains(err.Error(), "rows written") {
		t.Errorf("without a measured figure: %v", err)
	}
}

// TestEveryPriceSaysHowSureItIs and where it is from.
func TestEveryPriceSaysHowSureItIs(t *testing.T) {
	t.Parallel()
	for name, p := range basisOf(t).prices.Prices {
		if !slices.Contains([]string{"read", "known", "estimate"}, p.Sure) || p.Source == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// TestMorePaymentsCostMore in whole and less each.
func TestMorePaymentsCostMore(t *testing.T) {
	t.Parallel()
	b := basisOf(t)
	last, err := b.estimate("prod", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, rate := range []float64{363, 3_626, 11_000} {
		next, err := b.estimate("prod", rate)
		if err != nil {
			t.Fatal(err)
		}
		if next.total() <= last.total() || next.million() > last.million() {
			t.Errorf("%g a second: %.0f, %.2f a million; before %.0f, %.2f", rate, next.total(), next.million(), last.total(), last.million())
		}
		last = next
	}
}

// TestDevIsCheap: less than a tenth of prod's bill.
func TestDevIsCheap(t *testing.T) {
	t.Parallel()
	b := basisOf(t)
	dev, err := b.estimate("dev", 0)
	if err != nil {
		t.Fatal(err)
	}
	prod, err := b.estimate("prod", 0)
	if err != nil {
		t.Fatal(err)
	}
	if dev.total() > prod.total()/10 {
		t.Errorf("dev %.0f, prod %.0f", dev.total(), prod.total())
	}
}

// TestStrangers: an environment that is none, and a file with a misspelt field.
func TestStrangers(t *testing.T) {
	t.Parallel()
	if err := run([]string{"-root", root, "-env", "test"}, &strings.Builder{}); err == nil {
		t.Error("an environment that is none")
	}
	path := filepath.Join(t.TempDir(), "prices.json")
	if err := os.WriteFile(path, []byte(`{"price": {}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := readStrictly(path, new(priceList)); err == nil {
		t.Error("a misspelt field")
	}
}
