package evaluate

import "math"

// fprLevels are the false positive rates at which recall is told.
func fprLevels() []float64 { return []float64{0.001, 0.0005, 0.0001} }

// groupFPR is the level at which groups are compared.
const groupFPR = 0.001

// slack keeps the rounding of sums from moving a threshold.
const slack = 1 + 1e-12

// item is a ranked payment in a curve. Rows with one score form one step.
type item struct {
	raw, weight, amount float64
	fraud               bool
}

// totals are the weights that shares are taken of.
type totals struct{ fraud, legit, fraudBRL float64 }

// totals sums up the whole sample.
func (s *sample) totals() totals {
	var t totals
	for i := range s.rows {
		if r := &s.rows[i]; r.fraud {
			t.fraud += r.weight
			t.fraudBRL += r.weight * r.amount
		} else {
			t.legit += r.weight
		}
	}
	return t
}

// at returns the lowest threshold whose false positive rate is not above level, and what it gives. The items are
// ranked from the highest score down and reach far enough.
func at(items []item, t totals, level float64) Point {
	p := Point{FPR: level, Threshold: math.Inf(1)}
	if len(items) > 0 {
		p.Threshold = math.Nextafter(items[0].raw, math.Inf(1))
	}
	var fraud, legit, brl float64
	for i, it := range items {
		if it.fraud {
			fraud += it.weight
			brl += it.weight * it.amount
		} else {
			legit += it.weight
		}
		if i+1 < len(items) && items[i+1].raw == it.raw {
			continue
		}
		if legit > level*t.legit*slack {
			break
		}
		p.Threshold = it.raw
		p.Recall, p.Precision = ratio(fraud, t.fraud), ratio(fraud, fraud+legit)
		p.BRLRecall = ratio(brl, t.fraudBRL)
		p.Alerts = 100_000 * ratio(fraud+legit, t.fraud+t.legit)
	}
	return p
}

// ratio is a over b, 0 when there is nothing to take a share of.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// areas returns average precision and the area under the ROC curve, where ties count one half.
func areas(s *sample, order []int32, t totals) (precision, roc float64) {
	var fraud, legit, stepFraud, stepLegit float64
	for i, n := range order {
		r := &s.rows[n]
		if r.fraud {
			stepFraud += r.weight
		} else {
			stepLegit += r.weight
		}
		if i+1 < len(order) && s.rows[order[i+1]].raw == r.raw {
			continue
		}
		roc += stepLegit * (fraud + stepFraud/2)
		fraud, legit = fraud+stepFraud, legit+stepLegit
		precision += stepFraud * ratio(fraud, fraud+legit)
		stepFraud, stepLegit = 0, 0
	}
	return ratio(precision, t.fraud), ratio(ratio(roc, t.fraud), t.legit)
}

// precisionRecall returns at most some hundreds of points of the curve, from the highest score down.
func precisionRecall(s *sample, order []int32, t totals) []xy {
	const step = 0.002 // of recall
	var out []xy
	var fraud, legit float64
	for i, n := range order {
		r := &s.rows[n]
		if r.fraud {
			fraud += r.weight
		} else {
			legit += r.weight
		}
		if i+1 < len(order) && s.rows[order[i+1]].raw == r.raw {
			continue
		}
		recall := ratio(fraud, t.fraud)
		if recall > 0 && (len(out) == 0 || recall-out[len(out)-1].x >= step) {
			out = append(out, xy{recall, ratio(fraud, fraud+legit)})
		}
	}
	return out
}
