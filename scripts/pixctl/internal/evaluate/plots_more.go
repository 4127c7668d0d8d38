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

// lowest is the exponent at which the axes of the calibration begin, in powers of ten.
const lowest = -6

func drawCalibration(r *Report) (*plot.Plot, error) {
	seen := ""
	if r.Truth {
		seen = ", whether or not they were reported"
	}
	const text = "Calibration, %s\n%.0f frauds expected, %.0f seen (by weight)%s"
	title := fmt.Sprintf(text, r.Model, r.Calib.Expected, r.Calib.Observed, seen)
	p := newPlot(title, "mean probability of the bin", "share of fraud in the bin")
	p.Add(grid())
	// Logarithms on a linear scale: beside a logarithmic one, gonum makes room for the axis' name as if it stood where
	// the number in the middle does, near the end.
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = lowest, 0, lowest, 0
	p.X.Tick.Marker, p.Y.Tick.Marker = decadeTicks(), decadeTicks()
	ideal, err := plotter.NewLine(plotter.XYs{{X: lowest, Y: lowest}, {}})
	if err != nil {
		return nil, fmt.Errorf("ideal: %w", err)
	}
	ideal.Color, ideal.Dashes = grey(), []vg.Length{vg.Points(5), vg.Points(3)}
	p.Add(ideal)
	p.Legend.Add("perfectly calibrated", ideal)
	var points []xy
	for _, b := range r.Calib.Bins {
		if at := (xy{math.Log10(b.Mean), math.Log10(b.Fraud)}); at.x > lowest && at.y > lowest {
			points = append(points, at)
		}
	}
	p.Legend.Left, p.Legend.Top = true, true
	return p, line{name: "bins that hold a fraud", points: points, marks: true}.add(p)
}

// decadeTicks name powers of ten in percent.
func decadeTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for e := lowest; e <= 0; e++ {
		label := fmt.Sprintf("%.*f %%", max(-e-2, 0), math.Pow10(e+2))
		ticks = append(ticks, plot.Tick{Value: float64(e), Label: label})
	}
	return ticks
}

// bar is one bar of a horizontal bar chart.
type bar struct {
	name  string
	value float64
	label string
	pale  bool // says little
}

// addBars draws horizontal bars, the first at the top, with their labels behind them.
func addBars(p *plot.Plot, bars []bar) error {
	full, pale := make(plotter.Values, len(bars)), make(plotter.Values, len(bars))
	names := make([]string, len(bars))
	labels := plotter.XYLabels{XYs: make(plotter.XYs, len(bars)), Labels: make([]string, len(bars))}
	for i, b := range bars {
		at := len(bars) - 1 - i
		if names[at], full[at] = b.name, b.value; b.pale {
			full[at], pale[at] = 0, b.value
		}
		labels.XYs[at], labels.Labels[at] = plotter.XY{X: b.value, Y: float64(at)}, b.label
	}
	width := min(vg.Points(22), plotHeight*0.55/vg.Length(len(bars)))
	for i, values := range []plotter.Values{full, pale} {
		chart, err := plotter.NewBarChart(values, width)
		if err != nil {
			return fmt.Errorf("bars: %w", err)
		}
		chart.Horizontal, chart.LineStyle.Width = true, 0
		if chart.Color = palette(0); i == 1 {
			chart.Color = color.RGBA{170, 206, 228, 255}
		}
		p.Add(chart)
	}
	texts, err := plotter.NewLabels(labels)
	if err != nil {
		return fmt.Errorf("bar labels: %w", err)
	}
	behind(texts)
	p.Add(texts)
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.7, float64(len(bars))-0.3
	return nil
}

func drawContributions(r *Report) (*plot.Plot, error) {
	p := newPlot("What moves the score, "+r.Model, "mean absolute contribution, log-odds, over the explained payments", "")
	var bars []bar
	top := 1e-9
	for _, s := range r.Shares[:min(len(r.Shares), barsShown)] {
		bars = append(bars, bar{name: s.Feature, value: s.Mean, label: fmt.Sprintf("%.2f", s.Mean)})
		top = max(top, s.Mean)
	}
	if len(bars) == 0 {
		bars = []bar{{name: "no contributions in the table"}}
	}
	err := addBars(p, bars)
	p.X.Min, p.X.Max = 0, 1.12*top
	return p, err
}

// fewFrauds is how many frauds a class must have for its recall to say much; the model card marks the same ones.
const fewFrauds = 20

func drawTypologies(r *Report) (*plot.Plot, error) {
	const text = "Recall by typology at a false positive rate of 0.1 %%, %s\npale: fewer than %d frauds, which says little"
	title := fmt.Sprintf(text, r.Model, fewFrauds)
	p := newPlot(title, "recall (share of the typology's frauds)", "")
	var bars []bar
	for _, g := range r.Typology {
		label := fmt.Sprintf("%s of %d", percent(g.Recall), g.Frauds)
		bars = append(bars, bar{words(g.Name), g.Recall, label, g.Frauds < fewFrauds})
	}
	if len(bars) == 0 {
		bars = []bar{{name: "no frauds in the table"}}
	}
	slices.SortStableFunc(bars, func(a, b bar) int { return falling(a.value, b.value) })
	err := addBars(p, bars)
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, 1.2, percentTicks()
	return p, err
}
