// Package board makes Grafana dashboards of tables of panels: the JSON that Grafana reads is committed, and nobody edits it.
package board

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// Board is one dashboard.
type Board struct {
	UID, Title, About string
	Rows              []Row
}

// Row is panels under one heading.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel is one picture: a line over time, or with Now one figure.
type Panel struct {
	Title, About string
	Unit         string  // Grafana's name of it
	Limit        float64 // drawn as a line, or the figure turns red at it; 0 is none
	Now          bool
	Queries      []Query
}

// Query is an expression and the name of its lines, in Grafana's form {{label}}.
type Query struct {
	Expr, Legend string
}

// Sizes in Grafana's grid of 24 columns.
const (
	height    = 7
	lineSpan  = 8
	stateSpan = 4
)

// JSON is a board as Grafana reads it.
func (b Board) JSON() ([]byte, error) {
	//nolint:staticcheck // the newer schema is not read from files by the Grafanas that people have
	made := dashboard.NewDashboardBuilder(b.Title).Uid(b.UID).Description(b.About).Tags([]string{"sentinela"}).
		Timezone("America/Sao_Paulo").Time("now-3h", "now").Refresh("30s").Readonly().
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus")).
		Link(dashboard.NewDashboardLinkBuilder("Sentinela").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"sentinela"}).AsDropdown(true).KeepTime(true))
	for _, row := range b.Rows {
		made = made.WithRow(dashboard.NewRowBuilder(row.Title))
		for _, p := range row.Panels {
			made = made.WithPanel(p.builder())
		}
	}
	model, err := made.Build()
	if err != nil {
		return nil, fmt.Errorf("board %s: %w", b.UID, err)
	}
	text, err := json.MarshalIndent(model, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("board %s: %w", b.UID, err)
	}
	return append(text, '\n'), nil
}

func (p Panel) builder() cog.Builder[dashboard.Panel] {
	source := common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
	steps := []dashboard.Threshold{{Color: "green"}}
	if p.Limit > 0 {
		steps = append(steps, dashboard.Threshold{Color: "red", Value: cog.ToPtr(p.Limit)})
	}
	thresholds := dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
	if p.Now {
		b := stat.NewPanelBuilder().Title(p.Title).Description(p.About).Unit(p.Unit).Datasource(source).
			Height(height).Span(stateSpan).Thresholds(thresholds).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
		for i, q := range p.Queries {
			b = b.WithTarget(q.builder(i))
		}
		return b
	}
	b := timeseries.NewPanelBuilder().Title(p.Title).Description(p.About).Unit(p.Unit).Datasource(source).
		Height(height).Span(lineSpan).Thresholds(thresholds).Min(0).FillOpacity(0)
	if p.Limit > 0 {
		b = b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	for i, q := range p.Queries {
		b = b.WithTarget(q.builder(i))
	}
	return b
}

func (q Query) builder(i int) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(q.Expr).LegendFormat(q.Legend).RefId(string(rune('A' + i)))
}
