package scoring

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"sort"
	"testing"
)

// bitVector is the bit-vector method (QuickScorer, Lucchese et al. 2015) on the walker's inputs, for trees of at most 64
// leaves: the splits of each input in order of their thresholds, each with the leaves that stay possible when a row goes
// right. It is here to be measured beside the walker (docs/adr/0009-lockstep-walker.md); nothing serves with it.
type bitVector struct {
	walker *walker
	splits [][]bitSplit // by input, thresholds rising
	values [][]float64  // of each tree's leaves, left to right
}

type bitSplit struct {
	threshold float64
	tree      int32
	stays     uint64
}

func newBitVector(f *forest, w *walker) *bitVector {
	q := &bitVector{walker: w, splits: make([][]bitSplit, 1+len(w.inputs)), values: make([][]float64, len(f.roots))}
	known := map[input]int{}
	for i, in := range w.inputs {
		known[in] = i + 1
	}
	for tree, root := range f.roots {
		var walk func(ref int32)
		walk = func(ref int32) {
			if ref < 0 {
				q.values[tree] = append(q.values[tree], f.values[^ref])
				return
			}
			n := &f.nodes[ref]
			first := len(q.values[tree])
			walk(n.left)
			left := (uint64(1)<<len(q.values[tree]) - 1) &^ (uint64(1)<<first - 1)
			walk(n.right)
			at := known[input{n.feature, n.flags}]
			q.splits[at] = append(q.splits[at], bitSplit{n.threshold, int32(tree), ^left})
		}
		walk(root)
	}
	for _, s := range q.splits {
		sort.Slice(s, func(i, j int) bool { return s[i].threshold < s[j].threshold })
	}
	return q
}

func (q *bitVector) raw(vector, inputs []float64, possible []uint64) float64 {
	q.walker.spread(inputs, vector)
	for i := range possible {
		possible[i] = math.MaxUint64
	}
	for i, splits := range q.splits {
		x := inputs[i]
		for j := range splits {
			s := &splits[j]
			if x <= s.threshold {
				break
			}
			possible[s.tree] &= s.stays
		}
	}
	sum := 0.0
	for i, p := range possible {
		sum += q.values[i][bits.TrailingZeros64(p)]
	}
	return sum
}

func TestBitVectorIsTheWalker(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, name := range []string{"gbdt", "zero", "none", "single"} {
		r := readFixture(t, name)
		q := newBitVector(r.forest, r.walker)
		scratch, possible := *r.walker.scratch(), make([]uint64, len(r.forest.roots))
		for range 200 {
			v := randomVector(rng)
			if got, want := q.raw(v, scratch, possible), r.walker.raw(v, scratch); got != want {
				t.Fatalf("%s: %v, the walker scores %v", name, got, want)
			}
		}
	}
}

// BenchmarkBitVector takes the model and rows of BenchmarkScore.
func BenchmarkBitVector(b *testing.B) {
	s := newBench(b)
	w := newWalker(s.forest)
	q, scratch, possible := newBitVector(s.forest, w), *w.scratch(), make([]uint64, len(s.forest.roots))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		q.raw(s.rows[i%len(s.rows)], scratch, possible)
	}
}

// BenchmarkFloor says what a score has to touch at least: splits on the ways of a row, steps that the walker takes
// (leaves lead to themselves until the deepest tree of a group is done), and the distinct cache lines it reads.
func BenchmarkFloor(b *testing.B) {
	s := newBench(b)
	w := newWalker(s.forest)
	scratch := *w.scratch()
	var splits, steps, lines int
	for _, row := range s.rows {
		w.spread(scratch, row)
		touched := map[uint32]bool{}
		for _, g := range w.groups {
			steps += g.steps * lanes
			for _, at := range g.roots {
				for touched[at/4] = true; w.cells[at].next != at; touched[at/4] = true {
					at, splits = step(w.cells, scratch, at), splits+1
				}
			}
		}
		lines += len(touched) + len(scratch)/8
	}
	for b.Loop() {
	}
	n := float64(len(s.rows))
	b.ReportMetric(float64(splits)/n, "splits/row")
	b.ReportMetric(float64(steps)/n, "steps/row")
	b.ReportMetric(64*float64(lines)/n, "bytes/row")
}
