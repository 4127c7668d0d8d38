package evaluate

import (
	"testing"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// TestPlotsFillThePage: gonum shrinks a plot for what it thinks would stick out of it.
func TestPlotsFillThePage(t *testing.T) {
	t.Parallel()
	r := &Report{Model: "payer/1", Truth: true}
	for _, p := range []float64{0.00003, 0.002, 0.6} {
		r.Calib.Bins = append(r.Calib.Bins, Bin{Payments: 1, Mean: p, Fraud: p})
		r.AtBudget = append(r.AtBudget, Budget{Per100k: 1e5 * p, Order: orderScore, Recall: p, BRLRecall: p})
		r.AtFPR = append(r.AtFPR, Point{FPR: p, Recall: 1, Precision: 1})
		r.Shares = append(r.Shares, Share{"feature", p})
		r.Typology = append(r.Typology, Group{Name: "kind", Recall: p, Frauds: 10})
	}
	for _, picture := range pictures() {
		p, err := picture.draw(r)
		if err != nil {
			t.Fatal(err)
		}
		page := draw.New(vgimg.New(plotWidth, plotHeight))
		if size := p.DataCanvas(page).Size(); size.X < 0.65*plotWidth || size.Y < 0.6*plotHeight {
			t.Errorf("%s: %.0f × %.0f points of a page of %.0f × %.0f", picture.name, size.X.Points(), size.Y.Points(),
				plotWidth.Points(), plotHeight.Points())
		}
		if picture.name == "precision-recall" && max(p.X.Max, p.Y.Max) > 1 {
			t.Errorf("the axes end at %.2f and %.2f, beyond the whole", p.X.Max, p.Y.Max)
		}
	}
}
