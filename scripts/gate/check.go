package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

// Check is one expression and where its value must lie.
type Check struct {
	// Name is what the report calls it.
	Name string `json:"name"`
	// Query is PromQL that gives one number. $REVISION and the like are replaced by what -set says.
	Query string `json:"query"`
	// Min and Max are the bounds; one of them may be left out.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	// MayBeMissing says that no value is no failure, as a challenger's divergence where there is no challenger.
	MayBeMissing bool `json:"may_be_missing,omitempty"`
	// Why is the remedy: what a failure means and where to look.
	Why string `json:"why"`
}

// within says whether a value is in the bounds. NaN is in none.
func (c *Check) within(value float64) bool {
	return !math.IsNaN(value) && (c.Min == nil || value >= *c.Min) && (c.Max == nil || value <= *c.Max)
}

// bounds writes the bounds for people.
func (c *Check) bounds() string {
	var parts []string
	if c.Min != nil {
		parts = append(parts, fmt.Sprintf(">= %g", *c.Min))
	}
	if c.Max != nil {
		parts = append(parts, fmt.Sprintf("<= %g", *c.Max))
	}
	return strings.Join(parts, ", ")
}

// readChecks reads a file of checks and puts in what -set says. An unknown field, a check that cannot fail and a variable
// that nobody set are errors: each would be a gate that is always open.
func readChecks(path string, set map[string]string) ([]Check, error) {
	data, err := os.ReadFile(path) //nolint:gosec // a file that the caller names
	if err != nil {
		return nil, fmt.Errorf("read checks: %w", err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	var checks []Check
	if err := decoder.Decode(&checks); err != nil {
		return nil, fmt.Errorf("read checks: %s: %w", path, err)
	}
	if len(checks) == 0 {
		return nil, fmt.Errorf("read checks: %s has none", path)
	}
	var problems []error
	for i := range checks {
		problems = append(problems, checks[i].prepare(set))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("read checks: %s: %w", path, err)
	}
	return checks, nil
}

// prepare puts variables into the query and validates the check.
func (c *Check) prepare(set map[string]string) error {
	unset := map[string]bool{}
	c.Query = os.Expand(c.Query, func(name string) string {
		value, ok := set[name]
		if !ok {
			unset[name] = true
		}
		return value
	})
	switch {
	case c.Name == "" || c.Query == "" || c.Why == "":
		return fmt.Errorf("check %q: name, query and why are required", c.Name)
	case c.Min == nil && c.Max == nil:
		return fmt.Errorf("check %q: min or max is required, else it cannot fail", c.Name)
	case len(unset) > 0:
		return fmt.Errorf("check %q: give each of its variables with -set: %v", c.Name, keys(unset))
	}
	return nil
}

// Result is what became of one check.
type Result struct {
	Check   string   `json:"check"`
	Verdict string   `json:"verdict"`
	Value   *float64 `json:"value"` // the last; null where there was none
	Bounds  string   `json:"bounds"`
	Samples int      `json:"samples"`
	Why     string   `json:"why,omitempty"`
}

// The verdicts. All but the first two refuse.
const (
	held     = "held"
	absent   = "absent, as it may be"
	outside  = "outside"
	missing  = "no value"
	unasked  = "Prometheus did not answer"
	unstable = "outside at the end"
)

// state is what the gate knows of one check while it watches.
type state struct {
	check   Check
	last    *float64
	err     error
	outside int // how often running
	failed  bool
	samples int

	asked, answered int
}

// take adds one answer: a value, none, or an error.
func (s *state) take(value *float64, err error) {
	s.asked++
	s.err = err
	if err != nil {
		return
	}
	s.answered++
	s.last = value
	if value == nil {
		s.outside = 0
		return
	}
	s.samples++
	if s.check.within(*value) {
		s.outside = 0
		return
	}
	s.outside++
	s.failed = s.failed || s.outside >= patience
}

// patience is how many answers running must be out of bounds: one alone is a scrape that came between two pods.
const patience = 2

// result is the verdict at the end of the watch, or where it was ended early.
func (s *state) result() Result {
	r := Result{Check: s.check.Name, Verdict: held, Value: s.last, Bounds: s.check.bounds(), Samples: s.samples}
	switch {
	case s.failed:
		r.Verdict = outside
	case s.err != nil, 2*s.answered < s.asked:
		r.Verdict = unasked
	case s.last == nil && s.check.MayBeMissing:
		r.Verdict = absent
	case s.last == nil:
		r.Verdict = missing
	case s.outside > 0:
		r.Verdict = unstable
	}
	if r.Value != nil && math.IsInf(*r.Value, 0) {
		r.Value = nil // JSON has no infinity
	}
	if !r.passed() {
		r.Why = s.check.Why
		if s.err != nil && !s.failed {
			r.Why = s.err.Error()
		}
	}
	return r
}

func (r *Result) passed() bool { return r.Verdict == held || r.Verdict == absent }

// watchTimes says how often a watch asks: at the start, and then every interval until the end.
func watchTimes(whole, every time.Duration) int { return 1 + int(whole/every) }
