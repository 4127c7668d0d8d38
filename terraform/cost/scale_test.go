package main

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestScale: docs/capacity.md shows what the command prints.
func TestScale(t *testing.T) {
	t.Parallel()
	const file, from, to = root + "/docs/capacity.md", "<!-- institutions: written by the test -->\n", "<!-- end of institutions -->\n"
	var out strings.Builder
	if err := run([]string{"-root", root, "-scale"}, &out); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(page), from)
	shown, after, ok := strings.Cut(rest, to)
	if !ok {
		t.Fatal("docs/capacity.md has no place for the table")
	}
	if *update {
		// As a whole: the tests beside this one read it.
		err := os.WriteFile(file+".new", []byte(before+from+out.String()+to+after), 0o644) //nolint:gosec // a page
		if err := errors.Join(err, os.Rename(file+".new", file)); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(out.String(), shown); diff != "" {
		t.Errorf("run go test ./terraform/cost -update\n%s", diff)
	}
}

// TestNodesBearTheLoadAndTheData: whichever asks for more. The bill has as many.
func TestNodesBearTheLoadAndTheData(t *testing.T) {
	t.Parallel()
	b := basisOf(t)
	m, err := b.month("prod", 3_626)
	if err != nil {
		t.Fatal(err)
	}
	if m.nodesByData() <= m.nodesByLoad() {
		t.Errorf("%v nodes by load, %v by data: another rate tells more", m.nodesByLoad(), m.nodesByData())
	}
	paid := func() float64 { return math.Round(m.nodes() / (m.clusters() * m.at("bigtable node hour") * hours)) }
	if paid() != m.nodesByData() {
		t.Errorf("%v nodes are paid for, %v needed", paid(), m.nodesByData())
	}
	m.measured["Bigtable: rows written"] *= 10
	if paid() != m.nodesByLoad() {
		t.Errorf("%v nodes are paid for, %v needed", paid(), m.nodesByLoad())
	}
}

// TestTheFirstQuota is that of which most is used.
func TestTheFirstQuota(t *testing.T) {
	t.Parallel()
	for logged, want := range map[float64]string{700: "log lines", 1: "Bigtable"} {
		b := basisOf(t)
		b.load.LogBytes = logged
		m, err := b.month("prod", 11_000)
		if err != nil {
			t.Fatal(err)
		}
		if got := (need{usual: m, top: m}).first(); got != want {
			t.Errorf("%v bytes a line: %s is hit first, want %s", logged, got, want)
		}
	}
}
