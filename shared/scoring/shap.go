package scoring

import "math"

// Contributions are the Shapley values of path-dependent TreeSHAP (Lundberg et al. 2018): the game in which a split on
// an unknown feature sends a row left and right in the shares of the training rows. LightGBM's pred_contrib computes
// the same numbers by extending and unwinding a path at every leaf, O(leaves·depth²).
//
// A leaf's game is a product. With s the share of rows that would satisfy all splits of one feature on the way to the
// leaf, and u = 1 − t, the factor of a feature is t + s·u where the row satisfies them (the feature is met) and s·u where
// it does not, and the leaf's worth to a coalition is the value times the product of the factors at t = 1 (known) and
// t = 0 (unknown). Shapley's weights are integrals of t and u over [0,1], so the contribution of a feature is
//
//	∫ value · Π factors of the other features · (1 − s, or −s when it is not met) dt
//
// a polynomial in t of degree features − 1, which Gauss-Legendre with half as many points integrates exactly (Yu et al.
// 2022, Linear TreeSHAP, keep the polynomial as values at points too). At each point, from the root down and back up:
//
//	down(split)  weight · factors of the features above and at it
//	up(split)    sum over the leaves below of value · factors below
//
// Write k for the share of rows that does not take the row's way at a split, to and other for its children. If no split
// above uses its feature, the factors below are 1 − k·u and k·u, because the two shares add up to 1, and then
//
//	down(other) = down·k·u     up    = up(to) − k·u·(up(to) − up(other))
//	down(to) = down − that     gains = k · Σ over points of down · (up(to) − up(other))
//
// where gains is what the feature receives from all leaves below: one difference for both sides, no division. If splits
// above use the feature and the row met them, with share s and factor f = t + s·u, the same holds with x = s·u/f in the
// place of u, and the gain at each point times y = s/f². If it did not meet them, x is 1 and y is 0: further splits only
// share out what the first one took. x and y depend on the tree alone and are computed at load.

// curve is x and y at two points. Points go in pairs, padded by one of weight 0.
type curve struct{ x0, x1, y0, y1 float64 }

// pair is what there is at two points.
type pair struct{ p0, p1 float64 }

// cut is a split as explanations see it. A slot is where a tree's scratch keeps a split or a leaf: slot 0 is no split,
// the splits follow, parents first, then the leaves.
type cut struct {
	threshold float64
	away      [2]float64 // k when the row goes right, left
	child     [2]int32   // slot that it goes to
	curve     [2]int32   // first curve when the splits above on the same feature are met, or not
	input     uint32
	feature   int32
	above     int32 // slot of the next split above on the same feature, 0 when there is none
	side      uint8 // which way from there leads here
}

// plant is a tree laid out for explanations.
type plant struct {
	cuts    []cut
	values  []float64
	weights []pair // of the points; as many as curves at each split
}

// garden is a forest laid out for explanations.
type garden struct {
	plants []plant
	curves []curve
	slots  int   // of the largest tree
	steps  int64 // pairs of points at splits, which is what an explanation takes
}

// maxCurves bounds what a garden takes beside the trees: 64 MB.
const maxCurves = 2 << 20

// newGarden lays out a forest whose inputs the walker knows.
func newGarden(f *forest, w *walker) (*garden, error) {
	inputs := make(map[input]uint32, len(w.inputs))
	for i, in := range w.inputs {
		inputs[in] = uint32(i + 1)
	}
	g := &garden{}
	rules := map[int]*rule{}
	for i, root := range f.roots {
		points := (f.trees[i].unique + 1) / 2
		if rules[points] == nil {
			rules[points] = g.newRule(points)
		}
		p := planter{f: f, g: g, rule: rules[points], inputs: inputs}
		p.plant.weights = p.rule.weights
		p.sow(root, nil)
		p.placeLeaves()
		g.plants = append(g.plants, p.plant)
		g.slots = max(g.slots, 1+len(p.plant.cuts)+len(p.plant.values))
		g.steps += int64(len(p.plant.cuts) * len(p.rule.weights))
		if len(g.curves) > maxCurves {
			return nil, tooLarge("explanations would take more than %d curves", maxCurves)
		}
	}
	return g, nil
}

// planter lays out one tree.
type planter struct {
	f      *forest
	g      *garden
	rule   *rule
	inputs map[input]uint32
	plant  plant
}

// upstream is the nearest split above on one feature.
type upstream struct {
	before  *upstream // the same of another feature, further up
	feature int32
	slot    int32
	side    uint8
	share   float64 // of the rows that satisfy all splits on the feature from the root to here
}

// sow lays out what is below ref and returns its slot; that of a leaf is negative until placeLeaves.
func (p *planter) sow(ref int32, way *upstream) int32 {
	if ref < 0 {
		p.plant.values = append(p.plant.values, p.f.values[^ref])
		return -int32(len(p.plant.values))
	}
	n := &p.f.nodes[ref]
	c := cut{
		threshold: n.threshold, away: [2]float64{n.leftCover, 1 - n.leftCover},
		input: p.inputs[input{n.feature, n.flags}], feature: n.feature,
		curve: [2]int32{p.rule.first, p.rule.unmet},
	}
	share := 1.0
	for up := way; up != nil; up = up.before {
		if up.feature == n.feature {
			c.above, c.side, share = up.slot, up.side, up.share
			c.curve[0] = p.g.curvesOf(p.rule, share)
			break
		}
	}
	at := len(p.plant.cuts)
	p.plant.cuts = append(p.plant.cuts, c)
	slot := int32(at + 1)
	left := p.sow(n.left, &upstream{way, n.feature, slot, 1, float64(share * n.leftCover)})
	right := p.sow(n.right, &upstream{way, n.feature, slot, 0, float64(share * (1 - n.leftCover))})
	p.plant.cuts[at].child = [2]int32{right, left}
	return slot
}

// placeLeaves gives the leaves their slots, behind the splits.
func (p *planter) placeLeaves() {
	for i := range p.plant.cuts {
		child := &p.plant.cuts[i].child
		for side, slot := range child {
			if slot < 0 {
				child[side] = int32(len(p.plant.cuts)) - slot
			}
		}
	}
}

// rule is a Gauss-Legendre rule on [0,1] in pairs of points.
type rule struct {
	weights []pair
	u       []pair // 1 − point
	first   int32  // first curve of a split that no split above shares its feature with
	unmet   int32  // and of one where such splits are not met
}

// newRule computes the n-point rule by Newton's method on the Legendre polynomial, and the curves that all trees with
// this rule share. Nothing here may depend on whether the processor fuses a product and a sum, nor does float64(a*b) let
// it: explanations are the same bits everywhere.
func (g *garden) newRule(n int) *rule {
	points, weights := gauss(n)
	r := &rule{}
	for i := 0; i < n; i += 2 {
		u, w := pair{points[i], 0.5}, pair{weights[i], 0}
		if i+1 < n {
			u.p1, w.p1 = points[i+1], weights[i+1]
		}
		r.u, r.weights = append(r.u, u), append(r.weights, w)
	}
	r.first, r.unmet = int32(len(g.curves)), int32(len(g.curves)+len(r.u))
	for _, u := range r.u {
		g.curves = append(g.curves, curve{u.p0, u.p1, 1, 1})
	}
	for range r.u {
		g.curves = append(g.curves, curve{x0: 1, x1: 1})
	}
	return r
}

// curvesOf appends the curves of a split below others on its feature, which a share of rows satisfies.
func (g *garden) curvesOf(r *rule, share float64) int32 {
	first := int32(len(g.curves))
	for _, u := range r.u {
		f0, f1 := 1-float64((1-share)*u.p0), 1-float64((1-share)*u.p1)
		g.curves = append(g.curves, curve{
			float64(share*u.p0) / f0, float64(share*u.p1) / f1, share / float64(f0*f0), share / float64(f1*f1),
		})
	}
	return first
}

// gauss returns the points and weights of the n-point rule on [0,1].
func gauss(n int) (points, weights []float64) {
	for i := range n {
		// Rounded, so that it is the same start whatever the last bits of the cosine are.
		x := float64(float32(math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))))
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
		points = append(points, (1+x)/2)
		weights = append(weights, 1/float64(float64((1-float64(x*x))*slope)*slope))
	}
	return points, weights
}

// legendre returns the Legendre polynomial of degree n and its slope at x.
func legendre(n int, x float64) (p, slope float64) {
	before, p := 1.0, x
	for k := 2; k <= n; k++ {
		before, p = p, (float64(float64(float64(2*k-1)*x)*p)-float64(float64(k-1)*before))/float64(k)
	}
	return p, float64(float64(n)*(float64(x*p)-before)) / (float64(x*x) - 1)
}

// turn is which way a row takes at one split.
type turn struct {
	k         float64
	gain      float64
	to, other int32 // slots
	curve     int32
	left      uint8
	unmet     uint8
}

// explainer is the scratch memory of one explanation.
type explainer struct {
	garden   *garden
	walker   *walker
	expected float64
	out      []float64 // contribution of each feature
	inputs   []float64
	turns    []turn
	down, up []pair
}

func newExplainer(r *readers, features int) *explainer {
	slots := r.garden.slots
	return &explainer{
		garden: r.garden, walker: r.walker, expected: r.forest.expected,
		out: make([]float64, features), inputs: *r.walker.scratch(),
		turns: make([]turn, slots), down: make([]pair, slots), up: make([]pair, slots),
	}
}

// explain fills out with the contributions of a vector; together with expected they add up to the raw score.
func (e *explainer) explain(vector []float64) {
	e.walker.spread(e.inputs, vector)
	clear(e.out)
	for i := range e.garden.plants {
		p := &e.garden.plants[i]
		e.follow(p)
		for j, w := range p.weights {
			e.descend(len(p.cuts), j, w)
			e.ascend(len(p.cuts), j)
		}
		for j := range p.cuts {
			t := &e.turns[j+1]
			e.out[p.cuts[j].feature] += float64(t.k * t.gain)
		}
	}
}

// follow decides every split of a tree and puts its leaves in place.
func (e *explainer) follow(p *plant) {
	turns, inputs := e.turns[:len(p.cuts)+1], e.inputs
	for i := range p.cuts {
		c := &p.cuts[i]
		left := uint8(0)
		if inputs[c.input] <= c.threshold {
			left = 1
		}
		above := &turns[c.above]
		unmet := above.unmet | (above.left ^ c.side)
		t := &turns[i+1]
		t.k, t.gain, t.left, t.unmet = c.away[left&1], 0, left, unmet
		t.to, t.other, t.curve = c.child[left&1], c.child[(left^1)&1], c.curve[unmet&1]
	}
	leaves := e.up[len(p.cuts)+1:][:len(p.values)]
	for i, v := range p.values {
		leaf := &leaves[i]
		leaf.p0, leaf.p1 = v, v
	}
}

// descend fills down at the j-th pair of points.
func (e *explainer) descend(cuts, j int, weight pair) {
	turns, down, curves := e.turns, e.down, e.garden.curves
	down[1] = weight
	for i := 1; i <= cuts; i++ {
		t, d := &turns[i], &down[i]
		c := &curves[int(t.curve)+j]
		d0, d1 := d.p0, d.p1
		o0, o1 := float64(d0*float64(t.k*c.x0)), float64(d1*float64(t.k*c.x1))
		to, other := &down[t.to], &down[t.other]
		to.p0, to.p1 = d0-o0, d1-o1
		other.p0, other.p1 = o0, o1
	}
}

// ascend fills up at the j-th pair of points and adds the gains.
func (e *explainer) ascend(cuts, j int) {
	turns, down, up, curves := e.turns, e.down, e.up, e.garden.curves
	for i := cuts; i > 0; i-- {
		t, d, here := &turns[i], &down[i], &up[i]
		c := &curves[int(t.curve)+j]
		to, other := &up[t.to], &up[t.other]
		by0, by1 := to.p0-other.p0, to.p1-other.p1
		here.p0 = to.p0 - float64(float64(t.k*c.x0)*by0)
		here.p1 = to.p1 - float64(float64(t.k*c.x1)*by1)
		t.gain += float64(float64(d.p0*c.y0)*by0) + float64(float64(d.p1*c.y1)*by1)
	}
}
