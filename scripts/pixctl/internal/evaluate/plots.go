package evaluate

import (
	"context"
	"fmt"
	"image/color"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
)

// Size of a plot.
const (
	plotWidth  = 8 * vg.Inch
	plotHeight = 5 * vg.Inch
	plotMargin = 12 * vg.Length(1)
	plotDPI    = 120
)

// palette is Okabe and Ito's, which people with any colour vision can tell apart.
func palette(i int) color.Color {
	colours := []color.RGBA{
		{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {86, 180, 233, 255},
	}
	return colours[i%len(colours)]
}

func grey() color.Color { return color.RGBA{150, 150, 150, 255} }

// picture is one of the plots, and how its file is called after the role.
type picture struct {
	name string
	draw func(*Report) (*plot.Plot, error)
}

func pictures() []picture {
	return []picture{
		{"precision-recall", drawPrecisionRecall},
		{"budget", drawBudget},
		{"calibration", drawCalibration},
		{"contributions", drawContributions},
		{"typologies", drawTypologies},
	}
}

// plots writes the report's pictures as PNG files.
func plots(ctx context.Context, r *Report, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("plots: %w", err)
	}
	for _, picture := range pictures() {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("plots: %w", err)
		}
		p, err := picture.draw(r)
		if err != nil {
			return fmt.Errorf("plot %s: %w", picture.name, err)
		}
		if err := save(p, filepath.Join(dir, r.Role+"-"+picture.name+".png")); err != nil {
			return fmt.Errorf("plot %s: %w", picture.name, err)
		}
	}
	return nil
}

// save draws a plot with a margin on a white page.
func save(p *plot.Plot, name string) error {
	page := vgimg.NewWith(vgimg.UseWH(plotWidth, plotHeight), vgimg.UseDPI(plotDPI))
	canvas := draw.New(page)
	canvas.SetColor(color.White)
	canvas.Fill(canvas.Path())
	p.Draw(draw.Crop(canvas, plotMargin, -2*plotMargin, plotMargin, -plotMargin))
	out, err := file.Create(name)
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	defer out.Discard()
	if _, err := (vgimg.PngCanvas{Canvas: page}).WriteTo(out); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	if err := out.Commit(); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return nil
}

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(10)
	p.X.Padding, p.Y.Padding = vg.Points(4), vg.Points(4)
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(4), vg.Points(4)
	for style, size := range map[*text.Style]font.Length{
		&p.Title.TextStyle: 14, &p.X.Label.TextStyle: 12, &p.Y.Label.TextStyle: 12, &p.X.Tick.Label: 11, &p.Y.Tick.Label: 11,
		&p.Legend.TextStyle: 11,
	} {
		style.Font.Variant, style.Font.Size = "Sans", size
	}
	p.Legend.Padding = vg.Points(3)
	p.BackgroundColor = color.White
	return p
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = color.RGBA{225, 225, 225, 255}, color.RGBA{225, 225, 225, 255}
	return g
}

// line is one series of a plot.
type line struct {
	name   string
	points []xy
	number int // of its colour
	marks  bool
	dashed bool
}

func (l line) add(p *plot.Plot) error {
	if len(l.points) == 0 {
		return nil
	}
	points := make(plotter.XYs, len(l.points))
	for i, v := range l.points {
		points[i] = plotter.XY{X: v.x, Y: v.y}
	}
	drawn, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("line %s: %w", l.name, err)
	}
	drawn.Color, drawn.Width = palette(l.number), vg.Points(2)
	if l.dashed {
		drawn.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
	}
	p.Add(drawn)
	legend := []plot.Thumbnailer{drawn}
	if l.marks {
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return fmt.Errorf("points %s: %w", l.name, err)
		}
		dots.GlyphStyle = draw.GlyphStyle{Color: palette(l.number), Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
		p.Add(dots)
		legend = append(legend, dots)
	}
	p.Legend.Add(l.name, legend...)
	return nil
}

func subtitle(r *Report) string {
	const text = "%d frauds in the sample, %.1f per 100,000 of %.0f thousand payments"
	return fmt.Sprintf(text, r.Frauds, r.Per100k, r.Payments/1000)
}

func drawPrecisionRecall(r *Report) (*plot.Plot, error) {
	title := "Precision and recall, " + r.Model + "\n" + subtitle(r)
	p := newPlot(title, "recall (share of frauds)", "precision (share of alerts that are fraud)")
	p.Add(grid())
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.X.Tick.Marker, p.Y.Tick.Marker = percentTicks(), percentTicks()
	var lines []line
	for i, b := range r.Beside {
		lines = append(lines, line{name: b.Model, points: b.curve, number: i + 1})
	}
	// On top and dashed, so that a line that it hides shows through.
	lines = append(lines, line{name: r.Model, points: r.curve, dashed: len(lines) > 0})
	for _, l := range lines {
		if err := l.add(p); err != nil {
			return nil, err
		}
	}
	p.Legend.Top = true
	return p, markLevels(p, r)
}

// markLevels marks where the false positive rates of the report lie. Neighbours are close, so that each label stands
// higher than the one before it, and a line leads to its point.
func markLevels(p *plot.Plot, r *Report) error {
	points := make(plotter.XYs, len(r.AtFPR))
	for i, at := range r.AtFPR {
		points[i] = plotter.XY{X: at.Recall, Y: at.Precision}
		name := plotter.XY{X: min(at.Recall+0.03, 0.86), Y: min(at.Precision+0.03, 0.85) + 0.05*float64(i)}
		lead, err := plotter.NewLine(plotter.XYs{points[i], name})
		if err != nil {
			return fmt.Errorf("levels: %w", err)
		}
		lead.Color = grey()
		label, err := plotter.NewLabels(plotter.XYLabels{
			XYs: plotter.XYs{name}, Labels: []string{fmt.Sprintf("FPR %g %%", 100*at.FPR)},
		})
		if err != nil {
			return fmt.Errorf("levels: %w", err)
		}
		behind(label)
		p.Add(lead, label)
	}
	dots, err := plotter.NewScatter(points)
	if err != nil {
		return fmt.Errorf("levels: %w", err)
	}
	dots.GlyphStyle = draw.GlyphStyle{Color: color.Black, Radius: vg.Points(4), Shape: draw.CircleGlyph{}}
	p.Add(dots)
	return nil
}

// behind puts small labels to the right of their points, level with them.
func behind(l *plotter.Labels) {
	l.Offset = vg.Point{X: vg.Points(4), Y: vg.Points(1.5)} // half of what letters without descenders leave below
	for i := range l.TextStyle {
		style := &l.TextStyle[i]
		style.Font.Variant, style.Font.Size, style.YAlign = "Sans", 10, draw.YCenter
	}
}

func drawBudget(r *Report) (*plot.Plot, error) {
	title := "What a daily alert budget finds, " + r.Model + "\n" + subtitle(r)
	p := newPlot(title, "alerts per 100,000 payments", "share found")
	p.Add(grid())
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, budgetTicks()
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 1, percentTicks()
	recall, brl := func(b *Budget) float64 { return b.Recall }, func(b *Budget) float64 { return b.BRLRecall }
	for i, l := range []line{
		{name: "frauds, by score", points: r.along(orderScore, recall)},
		{name: "R$, by score", points: r.along(orderScore, brl)},
		{name: "frauds, by expected loss", points: r.along(orderLoss, recall), dashed: true},
		{name: "R$, by expected loss", points: r.along(orderLoss, brl), dashed: true},
	} {
		l.number, l.marks = i%2, true
		if err := l.add(p); err != nil {
			return nil, err
		}
	}
	return p, nil // the legend stands at the lower right, below curves that rise
}
