package scoring

import (
	"fmt"
	"math"
)

// What golden vectors prove of a split is how it sends the values they bring to it, and no more: a threshold moved
// between two of those values scores every vector as before. Vectors cover a split when they bring it NaN, zero, the
// largest value that goes left and the smallest that goes right, each where it can get there; they cover a leaf when
// one of them gets to it. Every artefact must cover all of its splits and leaves. Then no threshold can be another by a
// single step, because the steps on either side of the one in the file are among the vectors and LightGBM has answered
// for them, and no leaf can have another value. A place that no vector can reach, because its ancestors let nothing
// through, needs nothing: it takes part in no score.

// Probes of a split.
const (
	probeNaN = 1 << iota
	probeZero
	probeLeft  // the largest value that is compared and goes left
	probeRight // the smallest that goes right
)

// lastLeft is the largest value that n compares and sends left; all values within ±nearZero are one.
func (n *node) lastLeft() float64 {
	if n.flags&zeroTaken != 0 && n.threshold == nearZero {
		return math.Nextafter(-nearZero, math.Inf(-1))
	}
	return n.threshold
}

// firstRight is the smallest value that n compares and sends right. It is NaN, which nothing equals, where there is none.
func (n *node) firstRight() float64 {
	next := math.Nextafter(n.threshold, math.Inf(1))
	switch {
	case next == n.threshold:
		return math.NaN()
	case n.flags&zeroTaken != 0 && next == -nearZero:
		return math.Nextafter(nearZero, math.Inf(1))
	default:
		return next
	}
}

// probes says what a value proves of a split. Values within ±nearZero are one value, whichever of them it is.
func (n *node) probes(v float64) int {
	last, first := n.lastLeft(), n.firstRight()
	zero := v >= -nearZero && v <= nearZero
	probes := 0
	switch {
	case v != v:
		return probeNaN
	case zero && n.flags&zeroTaken != 0:
		return probeZero
	case zero:
		probes = probeZero
	}
	if v == last || zero && last == nearZero {
		probes |= probeLeft
	}
	if v == first || zero && first == -nearZero {
		probes |= probeRight
	}
	return probes
}

// reach is which values of one feature get to a place in a tree.
type reach struct {
	low, high float64 // compared values, both ends included; none when low > high
	nan, zero bool
}

func anyValue() reach { return reach{math.Inf(-1), math.Inf(1), true, true} }

func (r reach) empty() bool { return !r.compared() && !r.nan && !r.zero }

// compared reports whether a value other than zero and NaN gets here.
func (r reach) compared() bool { return r.low <= r.high && (r.low < -nearZero || r.high > nearZero) }

// has reports whether a number gets here.
func (r reach) has(v float64) bool {
	if v >= -nearZero && v <= nearZero {
		return r.zero
	}
	return v >= r.low && v <= r.high
}

// needs says which probes of a split can get to it.
func (r reach) needs(n *node) int {
	needs := 0
	if r.nan {
		needs |= probeNaN
	}
	if r.zero {
		needs |= probeZero
	}
	if r.has(n.lastLeft()) {
		needs |= probeLeft
	}
	if r.has(n.firstRight()) {
		needs |= probeRight
	}
	return needs
}

// below is what is left of r on one side of a split.
func (r reach) below(n *node, left bool) reach {
	r.nan = r.nan && n.goesLeft(math.NaN()) == left
	r.zero = r.zero && n.goesLeft(0) == left
	switch first := n.firstRight(); {
	case left:
		r.high = min(r.high, n.lastLeft())
	case first != first: // nothing goes right
		r.low, r.high = math.Inf(1), math.Inf(-1)
	default:
		r.low = max(r.low, first)
	}
	return r
}

// reachable calls visit for every split and every leaf (^ref) that some vector reaches, with what reaches it of each
// feature. visit must not keep the slice. It stops at the first error.
func (f *forest) reachable(features int, visit func(ref int32, reaches []reach) error) error {
	reaches := make([]reach, features)
	for i := range reaches {
		reaches[i] = anyValue()
	}
	var walk func(ref int32) error
	walk = func(ref int32) error {
		if err := visit(ref, reaches); err != nil || ref < 0 {
			return err
		}
		n := &f.nodes[ref]
		here := reaches[n.feature]
		defer func() { reaches[n.feature] = here }()
		for _, left := range []bool{true, false} {
			if reaches[n.feature] = here.below(n, left); reaches[n.feature].empty() {
				continue
			}
			if err := walk(n.child(left)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, root := range f.roots {
		if err := walk(root); err != nil {
			return err
		}
	}
	return nil
}

// checkCoverage wants every split and every leaf of the forest covered by the golden vectors.
func (g *golden) checkCoverage(f *forest) error {
	seen, met := make([]int, len(f.nodes)), make([]bool, len(f.values))
	for _, v := range g.Vectors {
		for _, ref := range f.roots {
			for ref >= 0 {
				n := &f.nodes[ref]
				x := float64(v[n.feature])
				seen[ref] |= n.probes(x)
				ref = n.child(n.goesLeft(x))
			}
			met[^ref] = true
		}
	}
	return f.reachable(g.Features, func(ref int32, reaches []reach) error {
		if ref < 0 {
			if !met[^ref] {
				return fmt.Errorf("golden vectors do not cover the leaf of value %v: none gets to it", f.values[^ref])
			}
			return nil
		}
		n := &f.nodes[ref]
		if missing := reaches[n.feature].needs(n) &^ seen[ref]; missing != 0 {
			return fmt.Errorf("golden vectors do not cover the split of feature %d at %v: %s",
				n.feature, n.threshold, missingProbe(missing))
		}
		return nil
	})
}

// missingProbe names the first of the missing probes.
func missingProbe(missing int) string {
	switch {
	case missing&probeLeft != 0:
		return "none brings the largest value that goes left"
	case missing&probeRight != 0:
		return "none brings the smallest value that goes right"
	case missing&probeNaN != 0:
		return "none brings NaN"
	default:
		return "none brings zero"
	}
}
