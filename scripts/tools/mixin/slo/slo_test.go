package slo_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/alert"
	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/slo"
	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/tick"
)

const tickOfTest = time.Minute

// traffic is a process of counters over minutes: so many payments a minute, and so many of them bad from one minute to
// another.
type traffic struct {
	perMinute, bad, from, to int
}

// counter is a series that grows by rate, and by more between two minutes.
func counter(name string, rate, more int, c traffic, minutes int) string {
	return fmt.Sprintf("%s 0+%dx%d %d+%dx%d %d+%dx%d", name,
		rate, c.from, (rate*c.from)+rate+more, rate+more, c.to-c.from-1,
		rate*(c.to+1)+more*(c.to-c.from), rate, minutes-c.to)
}

// series of all three objectives under one traffic.
func (c traffic) series(minutes int) []string {
	all := func(name string) string { return counter(name, c.perMinute, 0, c, minutes) }
	good := func(name string) string { return counter(name, c.perMinute, -c.bad, c, minutes) }
	return []string{
		all(`pix_decision_seconds_count`), good(`pix_decision_seconds_bucket{le="0.3"}`),
		`pix_answers_total{operation="decide",result="shed"} 0x` + fmt.Sprint(minutes),
		all(`pix_function_message_age_seconds_count{function="score"}`), good(`pix_function_message_age_seconds_bucket{function="score",le="10"}`),
		all(`pix_function_message_age_seconds_count{function="audit"}`), good(`pix_function_message_age_seconds_bucket{function="audit",le="600"}`),
	}
}

func groups(t *testing.T) []alert.Group {
	t.Helper()
	files, err := filepath.Glob("../../../../dashboards/slos/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d SLOs, %v", len(files), err)
	}
	var all []alert.Group
	for _, file := range files {
		spec, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		made, err := slo.Groups(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made...)
	}
	return all
}

// fired is when each alert fired first.
func fired(t *testing.T, series []string, minutes int) map[string]time.Duration {
	t.Helper()
	storage, err := tick.NewStorage(tickOfTest, series...)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tick.New(storage, tickOfTest, groups(t)...)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]time.Duration{}
	for range minutes {
		firing, err := e.Tick(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range firing {
			name := l.Get("alertname") + " " + l.Get("severity")
			if _, known := first[name]; !known {
				first[name] = e.At()
			}
		}
	}
	return first
}

// TestAQuietNightCallsNobody: at a payment in ten seconds one bad one is much of five minutes, and nothing of an hour.
func TestAQuietNightCallsNobody(t *testing.T) {
	t.Parallel()
	const night = 310
	quiet := traffic{perMinute: 6, bad: 1, from: 4 * 60, to: 4*60 + 1}
	if got := fired(t, quiet.series(night), night); len(got) > 0 {
		t.Errorf("somebody is called: %v", got)
	}
}

// TestABurningBudgetCallsSomebody: what burns a month's budget in two days pages, soon, and not before it has burnt for two
// minutes.
func TestABurningBudgetCallsSomebody(t *testing.T) {
	t.Parallel()
	const minutes = 3 * 60
	burning := traffic{perMinute: 6000, bad: 600, from: 120, to: 170}
	got := fired(t, burning.series(minutes), minutes)
	for name, latest := range map[string]time.Duration{"DecisionBudgetBurns page": 15 * time.Minute, "FreshnessBudgetBurns page": 50 * time.Minute} {
		if at := got[name] - 120*time.Minute; at < 2*time.Minute || at > latest {
			t.Errorf("%s after %v, want within %v", name, at, latest)
		}
	}
	if _, called := got["AuditBudgetBurns page"]; called {
		t.Error("somebody is woken for rows that wait in Pub/Sub")
	}
	if _, told := got["AuditBudgetBurns ticket"]; !told {
		t.Error("nobody is told that rows are late")
	}
}

// TestAnswersBurn: a payment that found no room waits, whoever is to blame, and so does one whose caller gets an answer that stands
// nowhere or an error of ours; what the caller itself is to blame for burns nothing, nor does who only looks.
func TestAnswersBurn(t *testing.T) {
	t.Parallel()
	const minutes = 3 * 60
	for answer, burns := range map[string]bool{
		`operation="decide",result="shed"`: true, `operation="decide",result="provisional"`: true, `operation="decide",result="internal"`: true,
		`operation="decide",result="hurried"`: false, `operation="decide",result="invalid"`: false, `operation="standing",result="shed"`: false,
	} {
		series := traffic{perMinute: 6000, bad: 0, from: 60, to: 61}.series(minutes)
		series = append(series, counter(`pix_answers_total{`+answer+`,pod="b"}`, 0, 600, traffic{from: 120, to: 170}, minutes))
		if _, called := fired(t, series, minutes)["DecisionBudgetBurns page"]; called != burns {
			t.Errorf("%s: called %t while it is one answer in eleven", answer, called)
		}
	}
}

// TestAnAnswerIsOneEvent: where every caller gets a provisional answer the errors are all there is, and no more.
func TestAnAnswerIsOneEvent(t *testing.T) {
	t.Parallel()
	spec, err := os.ReadFile("../../../../dashboards/slos/decisions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, double := range []string{"pix_provisional_answers_total", "pix_decisions_degraded_total"} {
		if bytes.Contains(spec, []byte(double)) {
			t.Errorf("%s counts what pix_answers_total counts", double)
		}
	}
}
