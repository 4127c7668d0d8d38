package demo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"text/tabwriter"

	"github.com/sentinela-pix/sentinela/dashboards"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// investigation is one question of an analyst.
type investigation struct{ question, file string }

// investigate runs the shipped investigations as BigQuery SQL and prints their answers.
func investigate(ctx context.Context, out io.Writer, p *performance) error {
	params := p.window()
	questions := []investigation{
		{"Which accounts were to receive the most money that was stopped?", "blocked_money_by_account"},
		{"What were the alerts, and how much of each reported fraud was alerted?", "alert_precision_by_typology"},
	}
	if p.show.example != nil {
		params = maps.Clone(params)
		params["end_to_end_id"] = string(p.show.example.ID())
		why := "Why was " + string(p.show.example.ID()) + " not approved?"
		questions = append([]investigation{{why, "why_this_payment"}}, questions...)
	}
	for _, q := range questions {
		sql, err := dashboards.Investigation(q.file)
		if err != nil {
			return fmt.Errorf("investigate: %w", err)
		}
		answer, err := p.query(ctx, q.file, sql, used(sql, params))
		if err != nil {
			return fmt.Errorf("investigate %s: %w", q.file, err)
		}
		fmt.Fprintf(out, "\n%s\n  dashboards/investigations/%s.sql\n", q.question, q.file)
		if err := table(out, answer); err != nil {
			return fmt.Errorf("investigate: %w", err)
		}
	}
	return nil
}

// used keeps the parameters that a statement names: BigQuery refuses the others.
func used(sql string, params map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range params {
		if strings.Contains(sql, "@"+name) {
			out[name] = v
		}
	}
	return out
}

// table prints an answer in aligned columns.
func table(out io.Writer, a warehouse.Answer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  "+strings.Join(a.Columns, "\t"))
	for _, row := range a.Rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print answer: %w", err)
	}
	if len(a.Rows) == 0 {
		fmt.Fprintln(out, "  (no rows)")
	}
	return nil
}
