package board_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/board"
)

// TestQueriesParse: and a line is named after labels that its expression leaves.
func TestQueriesParse(t *testing.T) {
	t.Parallel()
	for _, b := range board.Boards() {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, q := range p.Queries {
					if _, err := parser.ParseExpr(q.Expr); err != nil {
						t.Errorf("%s, %s: %v", b.UID, p.Title, err)
					}
					if regexp.MustCompile(`\b(process|go)_(cpu|resident|gc|goroutines|mem)`).MatchString(q.Expr) && !regexp.MustCompile(`and on \(instance\) pix_`).MatchString(q.Expr) {
						t.Errorf("%s, %s: %s asks every program's metric", b.UID, p.Title, q.Expr)
					}
					for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.Legend, -1) {
						if label[1] != "instance" && !regexp.MustCompile(`by \([^)]*\b`+label[1]+`\b`).MatchString(q.Expr) {
							t.Errorf("%s, %s: %s does not leave the label %s", b.UID, p.Title, q.Expr, label[1])
						}
					}
				}
			}
		}
	}
}

// TestPanelsHaveTheirPlace: none lies upon another or beside the screen, and each has an id of its own.
func TestPanelsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	for _, b := range board.Boards() {
		text, err := b.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var made struct {
			Panels []struct {
				Title   string
				GridPos struct{ X, Y, W, H int }
			}
		}
		if err := json.Unmarshal(text, &made); err != nil {
			t.Fatal(err)
		}
		taken := map[[2]int]string{}
		for _, p := range made.Panels {
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s: %q lies upon %q or beside the screen", b.UID, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
		if len(made.Panels) < 5 {
			t.Errorf("%s: %d panels", b.UID, len(made.Panels))
		}
	}
}
