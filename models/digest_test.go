package models

import (
	"io/fs"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// TestCountsMovedTogetherAreRefused moves a training row of the shipped model from one leaf to its sibling: no score depends
// on it and no golden vector tells, but explanations move. The digest of the trees alone refuses it.
func TestCountsMovedTogetherAreRefused(t *testing.T) {
	t.Parallel()
	_, sound, contract := shipped(t, pix.PayerRole)
	fsys := fstest.MapFS{}
	for _, name := range []string{scoring.ModelFile, scoring.ManifestFile, scoring.GoldenFile, scoring.ReferenceFile} {
		data, err := fs.ReadFile(sound, name)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	lines := strings.Split(string(fsys[scoring.ModelFile].Data), "\n")
	line, from, to := largestSiblings(t, lines)
	counts := numbers(t, lines[line])
	counts[from]--
	counts[to]++
	fields := make([]string, len(counts))
	for i, n := range counts {
		fields[i] = strconv.FormatFloat(n, 'f', 0, 64)
	}
	lines[line] = "leaf_count=" + strings.Join(fields, " ")
	fsys[scoring.ModelFile].Data = []byte(resized(lines))
	seal(t, fsys)
	if _, err := scoring.Load(fsys, scoring.DefaultLimits(), contract); err == nil || !strings.Contains(err.Error(), "trees_sha256 differs") {
		t.Errorf("a training row was moved, and load says %v", err)
	}
}

// largestSiblings finds the two leaves of one split whose counts weigh least on each row, and the line of leaf_count that
// holds them.
func largestSiblings(t *testing.T, lines []string) (line, from, to int) {
	t.Helper()
	column := map[string]int{} // of the tree at hand
	least := math.Inf(1)
	for i, text := range lines {
		key, _, _ := strings.Cut(text, "=")
		if column[key] = i; key != "shrinkage" || lines[column["left_child"]] == "" { // the last line of a tree
			continue
		}
		left, right := numbers(t, lines[column["left_child"]]), numbers(t, lines[column["right_child"]])
		values, counts := numbers(t, lines[column["leaf_value"]]), numbers(t, lines[column["leaf_count"]])
		for s := range left {
			if left[s] >= 0 || right[s] >= 0 {
				continue
			}
			a, b := int(-left[s])-1, int(-right[s])-1
			if per := math.Abs(values[a]-values[b]) / (counts[a] + counts[b]); per > 0 && per < least && counts[a] > 1 {
				least, line, from, to = per, column["leaf_count"], a, b
			}
		}
	}
	if math.IsInf(least, 1) {
		t.Fatal("no two leaves are siblings")
	}
	return line, from, to
}

// numbers reads a line of a tree.
func numbers(t *testing.T, line string) []float64 {
	t.Helper()
	_, entries, _ := strings.Cut(line, "=")
	var out []float64
	for _, s := range strings.Fields(entries) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}
