// Package alert reads dashboards/alerts.yaml and writes it in the forms that evaluate it: rules of Prometheus, GlobalRules of
// Managed Prometheus, and what Terraform makes alert policies of. One source, so that no form says something else.
package alert

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Severity says who is told.
type Severity string

// Page wakes somebody; Ticket is looked at in the morning.
const (
	Page   Severity = "page"
	Ticket Severity = "ticket"
)

// From says who exports the metrics of an alert, and so where it can be evaluated.
type From string

// Cluster is scraped and is everywhere. Functions are where Cloud Run's metrics are collected. Google is Cloud Monitoring's
// own, which no Prometheus has.
const (
	Cluster   From = "cluster"
	Functions From = "functions"
	Google    From = "google"
)

// Alert is one thing that somebody is told.
type Alert struct {
	Name          string        `yaml:"name"`
	Severity      Severity      `yaml:"severity"`
	From          From          `yaml:"from"`
	Text          string        `yaml:"text"`
	Failing       string        `yaml:"failing"`
	For           time.Duration `yaml:"for"`
	KeepFiringFor time.Duration `yaml:"keep_firing_for"`
	Missing       string        `yaml:"missing"`
	MissingFor    time.Duration `yaml:"missing_for"`
}

// Silent is the name of the alert that what would tell of this one has gone missing. One that fails by nothing else has no
// other name.
func (a Alert) Silent() string {
	if a.Failing == "" {
		return a.Name
	}
	return a.Name + "Silent"
}

// silence is the severity of that. Whoever lost a scrape is woken once, by the alert of the silence itself, and not by each
// that asks what was scraped.
func (a Alert) silence() Severity {
	if a.Failing == "" {
		return a.Severity
	}
	return Ticket
}

// Read returns the alerts of a source, or everything that is wrong with them. A field that nobody knows is an error: a
// misspelt keep_firing_for would be believed to hold.
func Read(source []byte) ([]Alert, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	decoder.KnownFields(true)
	var alerts []Alert
	if err := decoder.Decode(&alerts); err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	seen := map[string]bool{}
	var wrong []error
	for _, a := range alerts {
		if seen[a.Name] {
			wrong = append(wrong, fmt.Errorf("%s is there twice", a.Name))
		}
		seen[a.Name] = true
		wrong = append(wrong, a.check())
	}
	return alerts, errors.Join(wrong...)
}

var (
	names     = regexp.MustCompile(`^([A-Z][a-z]+)+$`)
	sentences = regexp.MustCompile(`^[A-Z][^%\n]*\.$`)
)

// check says what is wrong with one alert by itself. That its expressions parse is for who evaluates them.
func (a Alert) check() error {
	var wrong []error
	hold := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(a.Name+": "+format, args...))
		}
	}
	hold(names.MatchString(a.Name), "a name is CamelCase words")
	hold(a.Severity == Page || a.Severity == Ticket, "severity %q", a.Severity)
	hold(a.From == Cluster || a.From == Functions || a.From == Google, "from %q", a.From)
	hold(sentences.MatchString(a.Text), "text is a sentence")
	hold(a.Missing != "", "missing is needed")
	hold(a.Failing != "" || strings.HasSuffix(a.Name, "Silent"), "failing is needed, but for a silence")
	hold(a.MissingFor >= a.For && a.MissingFor > 0, "what is missing for less than %v may be late", a.For)
	return errors.Join(wrong...)
}
