package mixin

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/board"
)

// expressions are all that rules and boards ask, in no order.
func (s Source) expressions() []string {
	var all []string
	for _, a := range s.Alerts {
		if a.Failing != "" {
			all = append(all, a.Failing)
		}
		all = append(all, a.Missing)
	}
	for _, g := range slices.Concat(s.Objectives, s.Cost) {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
		}
	}
	for _, b := range board.Boards() {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, q := range p.Queries {
					all = append(all, q.Expr)
				}
			}
		}
	}
	return all
}

// names are our metrics as the code registers them, with the labels that expressions expect of them. Tests of the code, which
// cannot link the parser, hold them to what a running system exports.
func names(expressions []string) (map[string][]string, error) {
	found := map[string]map[string]bool{}
	for _, e := range expressions {
		tree, err := parser.ParseExpr(e)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", e, err)
		}
		parser.Inspect(tree, func(node parser.Node, path []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok && strings.HasPrefix(selector.Name, "pix_") {
				note(found, selector, path)
			}
			return nil
		})
	}
	sorted := map[string][]string{}
	for name, expected := range found {
		sorted[name] = slices.AppendSeq([]string{}, maps.Keys(expected))
		slices.Sort(sorted[name])
	}
	return sorted, nil
}

// histograms' series, which are registered under one name.
var histogram = regexp.MustCompile(`_(?:bucket|count|sum)$`)

// note adds what one selector and the innermost aggregation around it expect.
func note(found map[string]map[string]bool, selector *parser.VectorSelector, path []parser.Node) {
	name := histogram.ReplaceAllString(selector.Name, "")
	if found[name] == nil {
		found[name] = map[string]bool{}
	}
	expect := func(label string) {
		if !slices.Contains([]string{model.MetricNameLabel, "le", "instance"}, label) {
			found[name][label] = true
		}
	}
	for _, m := range selector.LabelMatchers {
		expect(m.Name)
	}
	for _, node := range slices.Backward(path) {
		if by, ok := node.(*parser.AggregateExpr); ok {
			if !by.Without {
				for _, label := range by.Grouping {
					expect(label)
				}
			}
			return
		}
	}
}

// Names writes the names and labels that are expected.
func (s Source) Names() ([]byte, error) {
	found, err := names(s.expressions())
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write names: %w", err)
	}
	return append(text, '\n'), nil
}
