package scoring

import (
	"errors"
	"fmt"
	"math"
)

// tree is one checked tree in LightGBM's own numbering: a child ≥0 is a split of the tree, a child <0 is leaf ^child.
type tree struct {
	feature   []int
	threshold []float64
	decision  []int // LightGBM's decision_type bits
	left      []int
	right     []int
	value     []float64 // of leaves
	count     []int     // training rows in each leaf
	splits    []int     // training rows at each split
	depth     int       // splits on the longest way down
	unique    int       // most different features on one way down
}

// LightGBM's decision_type bits.
const (
	categoricalBit = 1 << 0
	defaultLeftBit = 1 << 1
	missingShift   = 2
	missingNone    = 0
	missingZero    = 1
	missingNaN     = 2
)

// parseTree builds a tree from its section and proves that it is one.
func parseTree(s section, features int, limits Limits) (*tree, error) {
	if s["num_cat"] != "0" {
		return nil, errors.New("it has categorical splits, which are not served")
	}
	if linear := s["is_linear"]; linear != "" && linear != "0" {
		return nil, errors.New("it is a linear tree, which is not served")
	}
	if err := s.has("num_leaves", "leaf_value"); err != nil {
		return nil, err
	}
	leaves, err := intList(s["num_leaves"], 1)
	if err != nil || len(leaves) != 1 || leaves[0] < 1 {
		return nil, fmt.Errorf("num_leaves is %q", clip(s["num_leaves"]))
	}
	if leaves[0] > limits.Leaves {
		return nil, tooLarge("%d leaves are more than the limit of %d", leaves[0], limits.Leaves)
	}
	t := &tree{}
	if err := t.readArrays(s, leaves[0]); err != nil {
		return nil, err
	}
	if err := t.checkValues(features); err != nil {
		return nil, err
	}
	return t, t.checkShape(features, limits.Depth)
}

// readArrays reads the columns and checks their lengths.
func (t *tree) readArrays(s section, leaves int) error {
	splits := leaves - 1
	if splits > 0 {
		if err := s.has("split_feature", "threshold", "decision_type", "left_child", "right_child", "internal_count", "leaf_count"); err != nil {
			return err
		}
	}
	ints := []struct {
		key  string
		dst  *[]int
		want int
	}{
		{"split_feature", &t.feature, splits},
		{"decision_type", &t.decision, splits},
		{"left_child", &t.left, splits},
		{"right_child", &t.right, splits},
		{"internal_count", &t.splits, splits},
		{"leaf_count", &t.count, leaves},
	}
	for _, c := range ints {
		v, err := intList(s[c.key], leaves)
		if err != nil {
			return fmt.Errorf("%s: %w", c.key, err)
		}
		// LightGBM leaves out the row count of a tree that is a single leaf: nothing is weighted by it.
		if leaves == 1 && c.key == "leaf_count" && len(v) == 0 {
			v = []int{1}
		}
		if len(v) != c.want {
			return fmt.Errorf("%s has %d entries, %d leaves need %d", c.key, len(v), leaves, c.want)
		}
		*c.dst = v
	}
	return t.readFloats(s, leaves)
}

func (t *tree) readFloats(s section, leaves int) error {
	for _, c := range []struct {
		key  string
		dst  *[]float64
		want int
	}{{"threshold", &t.threshold, leaves - 1}, {"leaf_value", &t.value, leaves}} {
		v, err := floatList(s[c.key], leaves)
		if err != nil {
			return fmt.Errorf("%s: %w", c.key, err)
		}
		if len(v) != c.want {
			return fmt.Errorf("%s has %d entries, %d leaves need %d", c.key, len(v), leaves, c.want)
		}
		*c.dst = v
	}
	return nil
}

func (t *tree) checkValues(features int) error {
	for i, f := range t.feature {
		if f < 0 || f >= features {
			return fmt.Errorf("split %d uses feature %d of %d", i, f, features)
		}
		if math.IsNaN(t.threshold[i]) {
			return fmt.Errorf("threshold of split %d is NaN", i)
		}
		if d := t.decision[i]; d < 0 || d&categoricalBit != 0 || d>>missingShift > missingNaN {
			return fmt.Errorf("decision_type %d of split %d is categorical or unknown", d, i)
		}
	}
	for i, v := range t.value {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("value of leaf %d is not finite", i)
		}
	}
	return nil
}

// checkShape walks from the root: every split and every leaf must be met exactly once, no deeper than depth, and the
// rows of two children must add up to their parent's. The last makes contributions sum up to the score.
func (t *tree) checkShape(features, depth int) error {
	if len(t.feature) == 0 {
		return nil
	}
	seen := newShape(len(t.feature), len(t.value))
	used := make([]int, features)
	var walk func(child, level, unique int) (int, error)
	walk = func(child, level, unique int) (int, error) {
		if err := seen.mark(child); err != nil {
			return 0, err
		}
		t.depth, t.unique = max(t.depth, level), max(t.unique, unique)
		if child < 0 {
			return t.count[^child], nil
		}
		if level >= depth {
			return 0, tooLarge("it is deeper than the limit of %d splits", depth)
		}
		f := t.feature[child]
		if used[f] == 0 {
			unique++
		}
		used[f]++
		defer func() { used[f]-- }()
		left, err := walk(t.left[child], level+1, unique)
		if err != nil {
			return 0, err
		}
		right, err := walk(t.right[child], level+1, unique)
		if err != nil {
			return 0, err
		}
		return t.splits[child], t.checkCounts(child, left, right)
	}
	if _, err := walk(0, 0, 0); err != nil {
		return err
	}
	return seen.complete()
}

func (t *tree) checkCounts(split, left, right int) error {
	if left <= 0 || right <= 0 || left+right != t.splits[split] {
		return fmt.Errorf("split %d counts %d rows, its children %d and %d", split, t.splits[split], left, right)
	}
	return nil
}

// shape remembers which splits and leaves a walk has met.
type shape struct{ splits, leaves []bool }

func newShape(splits, leaves int) *shape {
	return &shape{make([]bool, splits), make([]bool, leaves)}
}

func (s *shape) mark(child int) error {
	name, index, seen := "split", child, s.splits
	if child < 0 {
		name, index, seen = "leaf", ^child, s.leaves
	}
	if index >= len(seen) {
		return fmt.Errorf("a child is %s %d of %d", name, index, len(seen))
	}
	if seen[index] {
		return fmt.Errorf("%s %d has two parents: the tree is no tree", name, index)
	}
	seen[index] = true
	return nil
}

func (s *shape) complete() error {
	for i, seen := range s.splits {
		if !seen {
			return fmt.Errorf("split %d is never reached", i)
		}
	}
	for i, seen := range s.leaves {
		if !seen {
			return fmt.Errorf("leaf %d is never reached", i)
		}
	}
	return nil
}
