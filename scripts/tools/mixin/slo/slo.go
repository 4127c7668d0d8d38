// Package slo makes rules of the objectives in dashboards/slos: Sloth's multi-window burn-rate alerts, from the SRE workbook's
// chapter on alerting on SLOs.
package slo

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/slok/sloth/pkg/lib"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/alert"
)

// period is what a budget is for.
const period = 30 * 24 * time.Hour

// Groups makes the rules of one file: what is recorded, and the alerts upon it.
func Groups(ctx context.Context, spec []byte) ([]alert.Group, error) {
	generator, err := lib.NewPrometheusSLOGenerator(lib.PrometheusSLOGeneratorConfig{DefaultSLOPeriod: period})
	if err != nil {
		return nil, fmt.Errorf("make Sloth: %w", err)
	}
	result, err := generator.GenerateFromRaw(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("make rules of an SLO: %w", err)
	}
	var groups []alert.Group
	for _, r := range result.SLOResults {
		name := "sentinela-slo-" + r.SLO.Name
		interval := model.Duration(alert.Interval).String()
		groups = append(groups,
			alert.Group{Name: name, Interval: interval, Rules: rules(r.PrometheusRules.SLIErrorRecRules.Rules)},
			alert.Group{Name: name + "-alerts", Interval: interval, Rules: rules(r.PrometheusRules.AlertRules.Rules)},
		)
	}
	return groups, nil
}

// rules puts Sloth's rules into our form. Each alert gets the address of its runbook.
func rules(sloth []rulefmt.Rule) []alert.Rule {
	made := make([]alert.Rule, len(sloth))
	for i, r := range sloth {
		delete(r.Labels, "sloth_version") // a new version is no new series
		made[i] = alert.Rule{Alert: r.Alert, Record: r.Record, Expr: r.Expr, Labels: r.Labels, Annotations: r.Annotations}
		if r.For > 0 {
			made[i].For = r.For.String()
		}
		if r.Alert != "" {
			made[i].Annotations["runbook_url"] = alert.Runbook(r.Alert)
		}
	}
	return made
}
