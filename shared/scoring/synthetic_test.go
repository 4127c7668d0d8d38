package scoring

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// synthetic describes a random model that is written as LightGBM would write it, so that every reader can read it.
type synthetic struct {
	seed                    uint64
	trees, leaves, features int
	decisions               []int // drawn from for each split; 2, 8 and 10 when empty
	stumps                  bool  // every third tree is a single leaf
}

// names returns the features of the model.
func (s synthetic) names() []string {
	out := make([]string, s.features)
	for i := range out {
		out[i] = fmt.Sprintf("f%d", i)
	}
	return out
}

// text writes the model. Values are meant to be uniform in [-1, 1]; trees grow leaf-wise, the fullest leaf first with
// some chance, each split shares rows between 1:19 and 19:1 as its threshold says, which gives depths as in training.
func (s synthetic) text() string {
	rng := rand.New(rand.NewPCG(s.seed, s.seed))
	var blocks, sizes []string
	for i := range s.trees {
		s := s
		if s.stumps && i%3 == 1 {
			s.leaves = 1
		}
		block := fmt.Sprintf("Tree=%d\n%s\n\n", i, s.tree(rng))
		blocks, sizes = append(blocks, block), append(sizes, fmt.Sprint(len(block)))
	}
	var infos []string
	for range s.features {
		infos = append(infos, "[-1:1]")
	}
	return fmt.Sprintf("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=%d\n"+
		"objective=binary sigmoid:1\nfeature_names=%s\nfeature_infos=%s\ntree_sizes=%s\n\n%send of trees\n\n"+
		"parameters:\n[boosting: gbdt]\n[linear_tree: 0]\n\nend of parameters\n\npandas_categorical:null\n",
		s.features-1, strings.Join(s.names(), " "), strings.Join(infos, " "), strings.Join(sizes, " "),
		strings.Join(blocks, ""))
}

// box is a leaf that may be split: its rows and the values that reach it.
type box struct {
	rows   int
	parent int // split above
	left   bool
	bounds map[int][2]float64
}

// tree grows one tree.
func (s synthetic) tree(rng *rand.Rand) string {
	decisions := s.decisions
	if len(decisions) == 0 {
		decisions = []int{2, 8, 10}
	}
	t := &tree{}
	boxes := []box{{rows: 1 << 20, parent: -1}}
	for len(boxes) < s.leaves {
		at := pick(rng, boxes)
		b := boxes[at]
		f := rng.IntN(s.features)
		lo, hi := -1.0, 1.0
		if x, ok := b.bounds[f]; ok {
			lo, hi = x[0], x[1]
		}
		share := 0.05 + 0.9*rng.Float64()
		cut := lo + share*(hi-lo)
		split := len(t.feature)
		t.feature, t.threshold = append(t.feature, f), append(t.threshold, cut)
		t.decision = append(t.decision, decisions[rng.IntN(len(decisions))])
		t.left, t.right = append(t.left, ^at), append(t.right, ^len(boxes))
		t.splits = append(t.splits, b.rows)
		t.attach(b, split)
		rows := min(max(int(share*float64(b.rows)), 1), b.rows-1)
		boxes[at] = box{rows, split, true, bound(b.bounds, f, [2]float64{lo, cut})}
		boxes = append(boxes, box{b.rows - rows, split, false, bound(b.bounds, f, [2]float64{cut, hi})})
	}
	for _, b := range boxes {
		t.count = append(t.count, b.rows)
		t.value = append(t.value, 0.1*rng.NormFloat64())
	}
	return t.text()
}

// pick draws a few leaves and takes the fullest.
func pick(rng *rand.Rand, boxes []box) int {
	best := rng.IntN(len(boxes))
	for range 3 {
		if at := rng.IntN(len(boxes)); boxes[at].rows > boxes[best].rows {
			best = at
		}
	}
	return best
}

func bound(old map[int][2]float64, f int, x [2]float64) map[int][2]float64 {
	out := map[int][2]float64{f: x}
	for k, v := range old {
		if k != f {
			out[k] = v
		}
	}
	return out
}

// attach puts a split where its leaf was.
func (t *tree) attach(b box, split int) {
	switch {
	case b.parent < 0:
	case b.left:
		t.left[b.parent] = split
	default:
		t.right[b.parent] = split
	}
}

// text writes the tree's lines.
func (t *tree) text() string {
	ints := func(v []int) string { return strings.Trim(fmt.Sprint(v), "[]") }
	floats := func(v []float64) string {
		out := make([]string, len(v))
		for i, x := range v {
			out[i] = fmt.Sprintf("%.17g", x)
		}
		return strings.Join(out, " ")
	}
	return fmt.Sprintf("num_leaves=%d\nnum_cat=0\nsplit_feature=%s\nsplit_gain=%s\nthreshold=%s\ndecision_type=%s\n"+
		"left_child=%s\nright_child=%s\nleaf_value=%s\nleaf_weight=%s\nleaf_count=%s\ninternal_value=%s\n"+
		"internal_weight=%s\ninternal_count=%s\nis_linear=0\nshrinkage=1\n",
		len(t.value), ints(t.feature), ints(t.splits), floats(t.threshold), ints(t.decision),
		ints(t.left), ints(t.right), floats(t.value), ints(t.count), ints(t.count), ints(t.splits),
		ints(t.splits), ints(t.splits))
}

// rows draws vectors for the model, one value in twenty missing.
func (s synthetic) rows(n int) [][]float64 {
	rng := rand.New(rand.NewPCG(s.seed, 2))
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, s.features)
		for j := range out[i] {
			out[i][j] = 2*rng.Float64() - 1
			if rng.IntN(20) == 0 {
				out[i][j] = math.NaN()
			}
		}
	}
	return out
}

// forest reads the model with this package's parser.
func (s synthetic) forest(tb testing.TB) *forest {
	tb.Helper()
	f, err := parseForest(s.text(), s.names(), DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	return f
}
