package alert

import (
	"bytes"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Rule is one rule in Prometheus' form.
type Rule struct {
	Alert         string            `yaml:"alert,omitempty"`
	Record        string            `yaml:"record,omitempty"`
	Expr          string            `yaml:"expr"`
	For           string            `yaml:"for,omitempty"`
	KeepFiringFor string            `yaml:"keep_firing_for,omitempty"`
	Labels        map[string]string `yaml:"labels,omitempty"`
	Annotations   map[string]string `yaml:"annotations,omitempty"`
}

// Group is rules that are evaluated one after the other.
type Group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []Rule `yaml:"rules"`
}

// Interval is how often alerts are evaluated.
const Interval = 30 * time.Second

// Runbook is where the page of an alert lies.
func Runbook(name string) string {
	return "https://github.com/sentinela-pix/sentinela/blob/main/docs/runbooks/" + name + ".md"
}

// failing is the rule of the alert itself.
func (a Alert) failing() Rule {
	return Rule{
		Alert: a.Name, Expr: a.Failing, For: duration(a.For), KeepFiringFor: duration(a.KeepFiringFor),
		Labels:      map[string]string{"severity": string(a.Severity)},
		Annotations: map[string]string{"summary": a.Text, "runbook_url": Runbook(a.Name)},
	}
}

// silent is the rule of what would tell of it.
func (a Alert) silent() Rule {
	return Rule{
		Alert: a.Silent(), Expr: a.Missing, For: duration(a.MissingFor),
		Labels:      map[string]string{"severity": string(a.silence())},
		Annotations: map[string]string{"summary": a.untold(), "runbook_url": Runbook(a.Name)},
	}
}

// untold is what a silence says.
func (a Alert) untold() string {
	if a.Failing == "" {
		return a.Text
	}
	return "Nothing would tell if this was so: " + a.Text
}

// duration is a time as Prometheus writes it; none is empty.
func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return model.Duration(d).String()
}

// Groups are the rules for who has our metrics and none of Google's: those of failures, and those of silence.
func Groups(alerts []Alert) (failing, silent Group) {
	failing = Group{Name: "sentinela", Interval: duration(Interval)}
	silent = Group{Name: "sentinela-silent", Interval: duration(Interval)}
	for _, a := range alerts {
		if a.From == Google {
			continue
		}
		if a.Failing != "" {
			failing.Rules = append(failing.Rules, a.failing())
		}
		silent.Rules = append(silent.Rules, a.silent())
	}
	return failing, silent
}

// ReadGroups reads a file of rules that another wrote.
func ReadGroups(source []byte) ([]Group, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	decoder.KnownFields(true)
	var file struct {
		Groups []Group `yaml:"groups"`
	}
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return file.Groups, nil
}

// Prometheus writes a file of rules.
func Prometheus(groups []Group) ([]byte, error) {
	return write(map[string]any{"groups": groups})
}

// Managed writes groups as GlobalRules of Managed Prometheus. It knows no keep_firing_for; its alerts end as soon as what
// they say does.
func Managed(name string, groups []Group) ([]byte, error) {
	for i, g := range groups {
		rules := make([]Rule, len(g.Rules))
		for j, r := range g.Rules {
			r.KeepFiringFor = ""
			rules[j] = r
		}
		groups[i].Rules = rules
	}
	return write(map[string]any{
		"apiVersion": "monitoring.googleapis.com/v1", "kind": "GlobalRules",
		"metadata": map[string]string{"name": name},
		"spec":     map[string]any{"groups": groups},
	})
}

// ClusterOnly leaves the alerts whose metrics are there wherever the cluster is.
func ClusterOnly(alerts []Alert) []Alert {
	var kept []Alert
	for _, a := range alerts {
		if a.From == Cluster {
			kept = append(kept, a)
		}
	}
	return kept
}

const header = "# Written by `make rules` from dashboards/.\n"

func write(v any) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(header)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("write rules: %w", err)
	}
	return out.Bytes(), nil
}
