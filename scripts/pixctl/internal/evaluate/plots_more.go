package evaluate

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const barsShown = 15

// along returns a figure against the budgets, for one order.
func (r *Report) along(order string, figure func(*Budget) float64) []xy {
	var out []xy
	for i := range r.AtBudget {
		if b := &r.AtBudget[i]; b.Order == order {
			out = append(out, xy{b.Per100k, figure(b)})
		}
	}
	slices.SortFunc(out, func(a, b xy) int { return cmp.Compare(a.x, b.x) })
	return out
}

func percentTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for percent := 0; percent <= 100; percent += 20 {
		ticks = append(ticks, plot.Tick{Value: float64(percent) / 100, Label: fmt.Sprintf("%d %%", percent)})
	}
	return ticks
}

func budgetTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, b := range budgets() {
		ticks = append(ticks, plot.Tick{Value: b, Label: fmt.Sprintf("%g", b)})
	}
	return ticks
}

func drawCalibration(r *Report) (*plot.Plot, error) {
	const text = "Calibration, %s\n%.0f frauds expected, %.0f seen (by weight)"
	title := fmt.Sprintf(text, r.Model, r.Calib.Expected, r.Calib.Observed)
	p := newPlot(title, "mean probability of the bin", "share of fraud in the bin")
	p.Add(grid())
	const low = 1e-6
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, 1, low, 1
	p.X.Tick.Marker, p.Y.Tick.Marker = decadeTicks(), decadeTicks()
	ideal, err := plotter.NewLine(plotter.XYs{{X: low, Y: low}, {X: 1, Y: 1}})
	if err != nil {
		return nil, fmt.Errorf("ideal: %w", err)
	}
	ideal.Color, ideal.Dashes = grey(), []vg.Length{vg.Points(5), vg.Points(3)}
	p.Add(ideal)
	p.Legend.Add("perfectly calibrated", ideal)
	var points []xy
	for _, b := range r.Calib.Bins {
		if b.Fraud > low && b.Mean > low {
			points = append(points, xy{b.Mean, b.Fraud})
		}
	}
	p.Legend.Left, p.Legend.Top = true, true
	return p, line{name: "bins that hold a fraud", points: points, marks: true}.add(p)
}

func decadeTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for e := -6; e <= 0; e++ {
		v := math.Pow(10, float64(e))
		label := fmt.Sprintf("%g %%", 100*v)
		if e < -4 {
			label = fmt.Sprintf("%.*f %%", -e-2, 100*v)
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
	}
	return ticks
}

// bar is one bar of a horizontal bar chart.
type bar struct {
	name  string
	value float64
	label string
}

// addBars draws horizontal bars, the first at the top, with their labels behind them.
func addBars(p *plot.Plot, bars []bar) error {
	values, names := make(plotter.Values, len(bars)), make([]string, len(bars))
	points, labels := make(plotter.XYs, len(bars)), make([]string, len(bars))
	for i, b := range bars {
		at := len(bars) - 1 - i
		values[at], names[at], labels[at] = b.value, b.name, b.label
		points[at] = plotter.XY{X: b.value, Y: float64(at)}
	}
	width := min(vg.Points(22), plotHeight*0.55/vg.Length(len(bars)))
	chart, err := plotter.NewBarChart(values, width)
	if err != nil {
		return fmt.Errorf("bars: %w", err)
	}
	chart.Horizontal, chart.Color, chart.LineStyle.Width = true, palette(0), 0
	behind, err := plotter.NewLabels(plotter.XYLabels{XYs: points, Labels: labels})
	if err != nil {
		return fmt.Errorf("bar labels: %w", err)
	}
	behind.Offset = vg.Point{X: vg.Points(4)}
	sans(behind)
	for i := range behind.TextStyle {
		behind.TextStyle[i].YAlign = draw.YCenter
		behind.TextStyle[i].Color = color.RGBA{60, 60, 60, 255}
	}
	p.Add(chart, behind)
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.7, float64(len(bars))-0.3
	return nil
}

func drawContributions(r *Report) (*plot.Plot, error) {
	p := newPlot("What moves the score, "+r.Model, "mean absolute contribution, log-odds, over the explained payments", "")
	var bars []bar
	top := 1e-9
	for _, s := range r.Shares[:min(len(r.Shares), barsShown)] {
		bars = append(bars, bar{s.Feature, s.Mean, fmt.Sprintf("%.2f", s.Mean)})
		top = max(top, s.Mean)
	}
	if len(bars) == 0 {
		bars = []bar{{name: "no contributions in the table"}}
	}
	err := addBars(p, bars)
	p.X.Min, p.X.Max = 0, 1.12*top
	return p, err
}

func drawTypologies(r *Report) (*plot.Plot, error) {
	title := "Recall by typology at a false positive rate of 0.1 %, " + r.Model
	p := newPlot(title, "recall (share of the typology's frauds)", "")
	var bars []bar
	for _, g := range r.Typology {
		bars = append(bars, bar{words(g.Name), g.Recall, fmt.Sprintf("%s of %d", percent(g.Recall), g.Frauds)})
	}
	if len(bars) == 0 {
		bars = []bar{{name: "no frauds in the table"}}
	}
	slices.SortStableFunc(bars, func(a, b bar) int { return falling(a.value, b.value) })
	err := addBars(p, bars)
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, 1.2, percentTicks()
	return p, err
}
