// Package mixin makes the files that Prometheus, Managed Prometheus, Terraform and Grafana read of what dashboards/ says. It is a
// module of its own for what it links: Prometheus' engine, Sloth and Grafana's SDK, none of which anything deployed has.
package mixin

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/alert"
	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/board"
	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/slo"
)

// Source is what dashboards/ says.
type Source struct {
	Alerts     []alert.Alert
	Objectives []alert.Group // the rules of the SLOs
	Cost       []alert.Group // what is recorded of money, which terraform/cost writes of prices
}

// Read reads dashboards/ below the root of the repository.
func Read(ctx context.Context, root fs.FS) (Source, error) {
	text, err := fs.ReadFile(root, "dashboards/alerts.yaml")
	if err != nil {
		return Source{}, fmt.Errorf("read alerts: %w", err)
	}
	var s Source
	if s.Alerts, err = alert.Read(text); err != nil {
		return Source{}, fmt.Errorf("dashboards/alerts.yaml: %w", err)
	}
	if text, err = fs.ReadFile(root, "terraform/cost/rules.yaml"); err == nil {
		s.Cost, err = alert.ReadGroups(text)
	}
	if err != nil {
		return Source{}, fmt.Errorf("read the rules of cost: %w", err)
	}
	names, err := fs.Glob(root, "dashboards/slos/*.yaml")
	if err != nil {
		return Source{}, fmt.Errorf("list SLOs: %w", err)
	}
	for _, name := range names {
		spec, err := fs.ReadFile(root, name)
		if err != nil {
			return Source{}, fmt.Errorf("read SLO: %w", err)
		}
		groups, err := slo.Groups(ctx, spec)
		if err != nil {
			return Source{}, fmt.Errorf("%s: %w", name, err)
		}
		s.Objectives = append(s.Objectives, groups...)
	}
	return s, nil
}

// Rules are all that a Prometheus of our own evaluates.
func (s Source) Rules() []alert.Group {
	failing, silent := alert.Groups(s.Alerts)
	return slices.Concat([]alert.Group{failing, silent}, s.Objectives, s.Cost)
}

// Files are the generated files, by their path from the root of the repository.
func (s Source) Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	var err error
	put := func(name string, made []byte, failure error) {
		files[name] = made
		if failure != nil && err == nil {
			err = fmt.Errorf("%s: %w", name, failure)
		}
	}
	rules, failure := alert.Prometheus(s.Rules())
	put("dashboards/prometheus/rules.yaml", rules, failure)
	failing, _ := alert.Groups(s.Alerts)
	managed, failure := alert.Managed("sentinela", slices.Concat([]alert.Group{failing}, s.Objectives, s.Cost))
	put("k8s/components/rules/rules.yaml", managed, failure)
	_, silent := alert.Groups(alert.ClusterOnly(s.Alerts))
	quiet, failure := alert.Managed("sentinela-silent", []alert.Group{silent})
	put("k8s/components/silence/rules.yaml", quiet, failure)
	policies, failure := alert.Terraform(s.Alerts, s.Objectives)
	put("terraform/modules/monitoring/alerts.json", policies, failure)
	for _, b := range board.Boards() {
		text, failure := b.JSON()
		put("dashboards/grafana/"+strings.TrimPrefix(b.UID, "sentinela-")+".json", text, failure)
	}
	expected, failure := s.Names()
	put("dashboards/names.json", expected, failure)
	return files, err
}
