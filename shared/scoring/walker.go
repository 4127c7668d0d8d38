package scoring

import "math"

// The walker scores a vector without a branch that depends on it. Such branches are what a plain walk waits for: a
// split is a coin toss for the processor, and each wrong guess costs more than ten steps of the right kind.
//
//   - What is missing is decided once for each value, not at each split: the vector is spread into inputs, one for each
//     feature and rule of missing values that the model uses, where a value that goes left whatever the threshold is
//     −Inf and one that goes right is NaN. A split is then one comparison.
//   - Siblings lie side by side, the right one first, so the comparison's outcome is added to an index.
//   - A leaf leads to itself, so trees of different depths take the same number of steps and can be walked side by
//     side: the loads of one tree run while those of the others are waited for.

// lanes is how many trees are walked side by side. Eight indices still fit in the registers of amd64 and arm64.
const lanes = 8

// cell is a split or a leaf.
type cell struct {
	threshold float64 // of a split; the value of a leaf
	input     uint32  // which input a split compares; a leaf compares input 0, which is NaN
	next      uint32  // the right child, which the left one follows; of a leaf, itself
}

// input is one value as the splits with the same rule see it.
type input struct {
	feature int32
	flags   int32 // of node
}

// group is trees that are walked side by side.
type group struct {
	roots [lanes]uint32
	steps int // depth of the deepest
}

// walker is a forest laid out for scoring. It gives the bits that forest.raw gives: the same leaves are added in the
// same order.
type walker struct {
	cells  []cell
	inputs []input // from input 1 on
	groups []group
}

// newWalker lays out a forest.
func newWalker(f *forest) *walker {
	w := &walker{cells: make([]cell, 1, 1+len(f.nodes)+len(f.values))} // cell 0 is a leaf of value 0 that fills a group
	known := map[input]uint32{}
	for i, root := range f.roots {
		if i%lanes == 0 {
			w.groups = append(w.groups, group{})
		}
		g := &w.groups[i/lanes]
		at := uint32(len(w.cells))
		w.cells = append(w.cells, cell{})
		g.roots[i%lanes] = at
		g.steps = max(g.steps, w.place(f, place{root, at}, known))
	}
	return w
}

// place says which part of the forest belongs into which cell.
type place struct {
	ref int32
	at  uint32
}

// place lays out what is below root breadth first, so that the splits most often met share cache lines, and returns
// its depth.
func (w *walker) place(f *forest, root place, known map[input]uint32) (depth int) {
	for level := []place{root}; len(level) > 0; depth++ {
		var below []place
		for _, p := range level {
			if p.ref < 0 {
				w.cells[p.at] = cell{threshold: f.values[^p.ref], next: p.at}
				continue
			}
			n := &f.nodes[p.ref]
			next := uint32(len(w.cells))
			w.cells = append(w.cells, cell{}, cell{})
			w.cells[p.at] = cell{n.threshold, w.input(n, known), next}
			below = append(below, place{n.right, next}, place{n.left, next + 1})
		}
		level = below
	}
	return depth - 1
}

// input returns the number of the input that a split compares.
func (w *walker) input(n *node, known map[input]uint32) uint32 {
	in := input{n.feature, n.flags}
	if known[in] == 0 {
		w.inputs = append(w.inputs, in)
		known[in] = uint32(len(w.inputs))
	}
	return known[in]
}

// scratch returns room for the inputs of one vector.
func (w *walker) scratch() *[]float64 {
	s := make([]float64, 1+len(w.inputs))
	s[0] = math.NaN()
	return &s
}

// spread writes the inputs of a vector.
func (w *walker) spread(dst, vector []float64) {
	dst = dst[1:]
	for i, in := range w.inputs {
		v := vector[in.feature]
		if v != v && in.flags&nanLeft != 0 {
			v = math.Inf(-1)
		}
		if in.flags&zeroTaken != 0 && v >= -nearZero && v <= nearZero {
			v = math.NaN()
			if in.flags&zeroLeft != 0 {
				v = math.Inf(-1)
			}
		}
		dst[i] = v
	}
}

// raw returns the log-odds of a vector, whose inputs it writes to scratch.
func (w *walker) raw(vector, scratch []float64) float64 {
	w.spread(scratch, vector)
	sum := 0.0
	for i := range w.groups {
		sum = w.groups[i].add(w.cells, scratch, sum)
	}
	return sum
}

// add adds the leaves of a group's trees to sum, in their order.
func (g *group) add(cells []cell, inputs []float64, sum float64) float64 {
	a, b, c, d := g.roots[0], g.roots[1], g.roots[2], g.roots[3]
	e, f, h, k := g.roots[4], g.roots[5], g.roots[6], g.roots[7]
	for range g.steps {
		a = step(cells, inputs, a)
		b = step(cells, inputs, b)
		c = step(cells, inputs, c)
		d = step(cells, inputs, d)
		e = step(cells, inputs, e)
		f = step(cells, inputs, f)
		h = step(cells, inputs, h)
		k = step(cells, inputs, k)
	}
	sum += cells[a].threshold
	sum += cells[b].threshold
	sum += cells[c].threshold
	sum += cells[d].threshold
	sum += cells[e].threshold
	sum += cells[f].threshold
	sum += cells[h].threshold
	sum += cells[k].threshold
	return sum
}

// block is how many vectors of a batch go through a group of trees before the next group: few enough that their inputs
// and the group stay in the nearest cache together.
const block = 16

// batch writes the log-odds of at most block vectors to dst, with the bits that raw gives: only the order in which
// trees and vectors take turns differs.
func (w *walker) batch(dst []float64, vectors [][]float64, scratch []float64) {
	width := 1 + len(w.inputs)
	for i, v := range vectors {
		inputs := scratch[i*width:][:width]
		inputs[0] = math.NaN()
		w.spread(inputs, v)
		dst[i] = 0
	}
	for i := range w.groups {
		g := &w.groups[i]
		for j := range vectors {
			dst[j] = g.add(w.cells, scratch[j*width:][:width], dst[j])
		}
	}
}

// step goes one level down from a cell. The compiler turns the condition into a flag, not into a branch.
func step(cells []cell, inputs []float64, at uint32) uint32 {
	c := &cells[at]
	left := uint32(0)
	if inputs[c.input] <= c.threshold {
		left = 1
	}
	return c.next + left
}
