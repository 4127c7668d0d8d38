package scoring

import "math"

// Contributions are the Shapley values of path-dependent TreeSHAP (Lundberg et al. 2018): the game in which a split on
// an unknown feature sends a row left and right in the shares of the training rows. LightGBM's pred_contrib computes
// the same numbers by extending and unwinding a path at every leaf, O(leaves·depth²).
//
// Here a leaf's game is a product: with o=1 when the row satisfies all splits of one feature on the way to the leaf and
// z the share of rows that would, the coalition S is worth value·Π_{S} o·Π_{not S} z. The Shapley weight of |S|=s among
// d players is the integral of t^s(1−t)^(d−1−s) over [0,1], so the share of feature i is
//
//	value·(o_i − z_i)·∫ Π_{j≠i} (o_j·t + z_j·(1−t)) dt
//
// The integrand is a polynomial of degree d−1: Gauss-Legendre with ⌈d/2⌉ points is exact, and a feature that is not on
// the way has the factor 1, so leaves with different d share the same points. Products are carried down the tree and
// sums of leaves up, which makes O(nodes·points) per tree (the idea of Yu et al. 2022, Linear TreeSHAP, with
// quadrature in place of polynomial arithmetic). All terms are positive but for the values of the leaves, which keeps
// it stable.

// rule is a Gauss-Legendre rule on [0,1].
type rule struct {
	t, u, weight []float64 // points, 1 − points, weights
	weightByU    []float64 // weight/u
}

// newRule computes the n-point rule by Newton's method on the Legendre polynomial.
func newRule(n int) *rule {
	r := &rule{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	for i := range n {
		x := math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		var slope float64
		for range 100 {
			var p float64
			p, slope = legendre(n, x)
			step := p / slope
			x -= step
			if math.Abs(step) < 1e-16 {
				break
			}
		}
		_, slope = legendre(n, x)
		r.t[i], r.u[i] = (1-x)/2, (1+x)/2
		r.weight[i] = 1 / ((1 - x*x) * slope * slope)
		r.weightByU[i] = r.weight[i] / r.u[i]
	}
	return r
}

// legendre returns the Legendre polynomial of degree n and its slope at x.
func legendre(n int, x float64) (p, slope float64) {
	before, p := 1.0, x
	for k := 2; k <= n; k++ {
		before, p = p, (float64(2*k-1)*x*p-float64(k-1)*before)/float64(k)
	}
	return p, float64(n) * (x*p - before) / (x*x - 1)
}

// part is what one feature did on the way down so far.
type part struct {
	met   float64 // 1 while the row satisfies every split of it, else 0
	share float64 // of training rows that would
}

// explainer is the scratch memory of one explanation.
type explainer struct {
	forest *forest
	vector []float64
	out    []float64 // contribution of each feature
	parts  []part    // by feature; {1, 1} when it is not on the way
	down   []float64 // products, points for each level
	up     []float64 // sums over leaves, points for each level
	rule   *rule
}

func newExplainer(f *forest, features int) *explainer {
	e := &explainer{
		forest: f,
		out:    make([]float64, features),
		parts:  make([]part, features),
		down:   make([]float64, (f.depth+1)*f.points),
		up:     make([]float64, (f.depth+1)*f.points),
	}
	for i := range e.parts {
		e.parts[i] = part{1, 1}
	}
	return e
}

// explain fills out with the contributions of a vector; together with forest.expected they add up to the raw score.
func (e *explainer) explain(vector []float64) {
	e.vector = vector
	clear(e.out)
	for i, root := range e.forest.roots {
		if root < 0 {
			continue
		}
		e.rule = e.forest.trees[i].rule
		for q := range e.rule.t {
			e.down[q] = 1
		}
		e.walk(root, 0)
	}
	e.vector = nil
}

// walk fills the level's sums with those of all leaves below ref.
func (e *explainer) walk(ref int32, level int) {
	points := len(e.rule.t)
	down, up := e.down[level*points:][:points], e.up[level*points:][:points]
	if ref < 0 {
		value := e.forest.values[^ref]
		for q := range up {
			up[q] = value * down[q]
		}
		return
	}
	n := &e.forest.nodes[ref]
	clear(up)
	left := n.goesLeft(e.vector[n.feature])
	e.edge(n.feature, n.left, level, branch(left, n.leftCover))
	e.edge(n.feature, n.right, level, branch(!left, 1-n.leftCover))
}

func branch(taken bool, share float64) part {
	if taken {
		return part{1, share}
	}
	return part{0, share}
}

// edge walks one child. What lies below it depends on the feature's part up to here; the same leaves were credited with
// the part before this edge further up, which is taken back.
func (e *explainer) edge(feature, child int32, level int, b part) {
	r := e.rule
	points := len(r.t)
	old := e.parts[feature]
	now := part{old.met * b.met, old.share * b.share}
	r.scale(e.down[(level+1)*points:][:points], e.down[level*points:][:points], old, now)
	e.parts[feature] = now
	e.walk(child, level+1)
	e.parts[feature] = old

	up, sums := e.up[level*points:][:points], e.up[(level+1)*points:][:points]
	for q, s := range sums {
		up[q] += s
	}
	e.out[feature] += r.credit(now, sums) - r.credit(old, sums)
}

// scale writes products in which a feature's part is now where it was old. An unmet part is a multiple of u, so its
// ratio is the same at every point.
func (r *rule) scale(dst, src []float64, old, now part) {
	t, u := r.t[:len(dst)], r.u[:len(dst)]
	src = src[:len(dst)]
	switch {
	case old.met == 0:
		ratio := now.share / old.share
		for q := range dst {
			dst[q] = src[q] * ratio
		}
	case old.share == 1:
		for q := range dst {
			dst[q] = src[q] * (now.met*t[q] + now.share*u[q])
		}
	default:
		for q := range dst {
			dst[q] = src[q] * (now.met*t[q] + now.share*u[q]) / (t[q] + old.share*u[q])
		}
	}
}

// credit integrates what a feature with this part gains from sums that hold its factor.
func (r *rule) credit(p part, sums []float64) float64 {
	total := 0.0
	switch {
	case p.met == 0: // (0 − share)/(share·u)
		for q, w := range r.weightByU[:len(sums)] {
			total -= w * sums[q]
		}
	case p.share < 1:
		t, u := r.t[:len(sums)], r.u[:len(sums)]
		for q, w := range r.weight[:len(sums)] {
			total += w * sums[q] / (t[q] + p.share*u[q])
		}
		total *= 1 - p.share
	}
	return total
}
