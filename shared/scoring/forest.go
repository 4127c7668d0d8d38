package scoring

import (
	"errors"
	"fmt"
	"math"
)

// nearZero is LightGBM's kZeroThreshold: a float32 constant, so not exactly 1e-35. Its predictor reads every value
// within ±nearZero as 0.
const nearZero = float64(float32(1e-35))

// Flags of a node.
const (
	nanLeft   = 1 << iota // NaN goes left
	zeroTaken             // zero counts as missing
	zeroLeft              // and goes left
)

// node is one split. A child ≥0 is a node, a child <0 is leaf ^child, both counted over the whole forest.
type node struct {
	threshold   float64
	feature     int32
	flags       int32
	left, right int32
	leftCover   float64 // share of the node's training rows that went left
}

// forest is every tree of a model in flat arrays.
type forest struct {
	roots    []int32
	nodes    []node
	values   []float64 // of leaves
	trees    []treeShape
	expected float64 // mean raw score over the training rows: what contributions add to
	steps    int64   // splits on the longest ways down, all trees together
	digest   string  // of the trees as read, before they were laid out
}

// treeShape is what the layout for explanations needs to know beforehand.
type treeShape struct{ unique int } // most different features on one way down

// compile lays trees out in flat arrays. The trees have been proved sound.
func compile(trees []*tree) (*forest, error) {
	f := &forest{}
	most := 0.0
	for _, t := range trees {
		base, leafBase := int32(len(f.nodes)), int32(len(f.values))
		place := func(child int) int32 {
			if child < 0 {
				return ^(leafBase + int32(^child))
			}
			return base + int32(child)
		}
		root := 0
		if len(t.feature) == 0 {
			root = -1
		}
		f.roots = append(f.roots, place(root))
		for i := range t.feature {
			n := newNode(t, i)
			n.left, n.right = place(t.left[i]), place(t.right[i])
			f.nodes = append(f.nodes, n)
		}
		f.values = append(f.values, t.value...)
		f.trees = append(f.trees, treeShape{t.unique})
		f.steps += int64(t.depth)
		f.expected += t.expected()
		most += t.largest()
	}
	if math.IsInf(most, 0) || len(f.nodes) > math.MaxInt32/2 {
		return nil, errors.New("the leaf values add up to more than a number can hold")
	}
	return f, nil
}

// newNode reads the decision of split i the way LightGBM does: NaN is 0 unless the split knows NaN as missing, and then
// it goes the default way; values within ±nearZero are 0.
func newNode(t *tree, i int) node {
	n := node{feature: int32(t.feature[i]), threshold: flushThreshold(t.threshold[i])}
	defaultLeft := t.decision[i]&defaultLeftBit != 0
	switch t.decision[i] >> missingShift {
	case missingNone:
		n.setFlag(nanLeft, n.threshold >= 0)
	case missingNaN:
		n.setFlag(nanLeft, defaultLeft)
	case missingZero:
		n.setFlag(nanLeft, defaultLeft)
		n.setFlag(zeroTaken, true)
		n.setFlag(zeroLeft, defaultLeft)
	}
	left := t.rows(t.left[i])
	n.leftCover = float64(left) / float64(t.splits[i])
	return n
}

func (n *node) setFlag(flag int32, on bool) {
	if on {
		n.flags |= flag
	}
}

// flushThreshold moves a threshold within ±nearZero so that comparing a value gives what comparing its flushed value
// would: everything within the band falls on the side where 0 falls.
func flushThreshold(t float64) float64 {
	switch {
	case t >= 0 && t < nearZero:
		return nearZero
	case t < 0 && t >= -nearZero:
		return math.Nextafter(-nearZero, math.Inf(-1))
	default:
		return t
	}
}

func (t *tree) rows(child int) int {
	if child < 0 {
		return t.count[^child]
	}
	return t.splits[child]
}

// expected is the mean value over the tree's training rows.
func (t *tree) expected() float64 {
	if len(t.feature) == 0 {
		return t.value[0]
	}
	sum, total := 0.0, float64(t.splits[0])
	for i, v := range t.value {
		sum += float64(float64(t.count[i]) / total * v) // not fused: the same bits everywhere
	}
	return sum
}

func (t *tree) largest() float64 {
	most := 0.0
	for _, v := range t.value {
		most = max(most, math.Abs(v))
	}
	return most
}

// goesLeft decides a split for one value.
func (n *node) goesLeft(v float64) bool {
	if n.flags&zeroTaken != 0 && v >= -nearZero && v <= nearZero {
		return n.flags&zeroLeft != 0
	}
	return v <= n.threshold || (v != v && n.flags&nanLeft != 0)
}

func (n *node) child(left bool) int32 {
	if left {
		return n.left
	}
	return n.right
}

// raw sums the leaves that a vector reaches, in the order of the trees, as LightGBM does: the same additions give the
// same bits.
func (f *forest) raw(vector []float64) float64 {
	sum := 0.0
	for _, ref := range f.roots {
		for ref >= 0 {
			n := &f.nodes[ref]
			ref = n.child(n.goesLeft(vector[n.feature]))
		}
		sum += f.values[^ref]
	}
	return sum
}

// parseForest reads model.txt to the end: frame, header, trees.
func parseForest(text string, features []string, limits Limits) (*forest, error) {
	doc, err := parseText(text, limits)
	if err != nil {
		return nil, err
	}
	if err := checkHeader(doc, features); err != nil {
		return nil, err
	}
	trees := make([]*tree, len(doc.trees))
	for i, s := range doc.trees {
		if trees[i], err = parseTree(s, len(features), limits); err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
	}
	f, err := compile(trees)
	if err != nil {
		return nil, err
	}
	f.digest = digestTrees(trees)
	return f, nil
}
