package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
)

// stat is a line of /proc/PID/stat of a process that has used so many ticks of each kind.
func stat(name, parent, ticks string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("1 (" + name + ") S " + parent + " 1 1 0 -1 4194560 9 0 0 0 " + ticks + " 20 0 9 0 100 1000 10 0 0\n")}
}

func status(kib string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("Name:\tx\nVmPeak:\t  999999 kB\nVmHWM:\t  " + kib + " kB\nVmRSS:\t  1 kB\n")}
}

// TestUsageIsThatOfTheWholeTree: a service's workers count, and their workers that have ended, and nobody else's.
func TestUsageIsThatOfTheWholeTree(t *testing.T) {
	t.Parallel()
	proc := fstest.MapFS{
		"1/stat": stat("init", "0", "1000 1000 1000 1000"), "1/status": status("9000"),
		"7/stat": stat("a (b) c) S 1", "1", "10 20 3 4"), "7/status": status("1024"),
		"8/stat": stat("worker", "7", "100 0 0 0"), "8/status": status("512"),
		"9/stat":  stat("grandchild", "8", "0 50 0 0"), // which has no memory any more
		"10/stat": stat("other", "1", "500 500 0 0"), "10/status": status("4096"),
		"self/stat": {Data: []byte("no process")}, "version": {Data: []byte("x")},
	}
	got, err := used(proc, 7)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(usage{1870 * time.Millisecond, 1536 << 10}, got, cmp.AllowUnexported(usage{})); d != "" {
		t.Error(d)
	}
	if _, err := used(proc, 11); err == nil {
		t.Error("a process that is not there has used something")
	}
}

func TestBrokenStat(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "1 (x", "1 (x) S 1 2 3", "1 (x) S p 1 1 0 -1 4194560 9 0 0 0 1 2 3 4", "1 (x) S 1 1 1 0 -1 4194560 9 0 0 0 1 2 three 4"} {
		if p, err := parseStat([]byte(line)); err == nil {
			t.Errorf("%q was read as %+v", line, p)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (a b) S 1 1 1 0 -1 4194560 9 0 0 0 1 2 3 4 20"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if p, err := parseStat(line); err != nil && p != (process{}) {
			t.Errorf("%+v with %v", p, err)
		}
	})
}

// TestUsageOfThisMachine: the test's own process has used something, where there is a /proc.
func TestUsageOfThisMachine(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc")
	}
	if u, err := used(os.DirFS("/proc"), os.Getpid()); err != nil || u.memory < 1<<20 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestMetricsAreAddedUp(t *testing.T) {
	t.Parallel()
	text := []byte("# HELP a b\nmade_total{direction=\"in\",repeated=\"false\"} 3\nmade_total{direction=\"out\",repeated=\"false\"} 4\n" +
		"made_total{direction=\"out\",repeated=\"true\"} 100\nmade_total_more 7\nbytes 1.5e+06\n")
	for pattern, want := range map[string]float64{`made_total\{[^}]*repeated="false"[^}]*\}`: 7, "bytes": 1.5e6} {
		if got, err := sum(text, pattern); err != nil || got != want {
			t.Errorf("%s: %v, %v", pattern, got, err)
		}
	}
	if got, err := sum(text, "absent"); err == nil {
		t.Errorf("a metric that is not there is %v", got)
	}
}

// rowOf has answers that take so many ms each.
func rowOf(due int64, ms ...int64) *row {
	h := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	for _, v := range ms {
		_ = h.RecordValue(1000 * v)
	}
	return &row{due: due, answered: int64(len(ms)), latency: h, failed: map[string]int{}}
}

// TestTableTellsLosses: a ratio is of the same rate, and bold where ours is worse.
func TestTableTellsLosses(t *testing.T) {
	t.Parallel()
	base, ours := rowOf(3, 1, 1, 1), rowOf(4, 2, 2, 2)
	base.processor, base.memory = []time.Duration{1000 * time.Microsecond}, 100<<20
	ours.processor, ours.memory, ours.allocated = []time.Duration{400 * time.Microsecond, 600 * time.Microsecond}, 50<<20, []float64{20_000, 30_000}
	lines := []line{
		{rate: 200, service: "base", row: base}, {rate: 200, service: "ours", row: ours}, {rate: 400, service: "ours", row: ours},
		{rate: 500, service: "base", breaks: true, row: base}, {rate: 250, service: "ours", breaks: true, most: true, row: ours},
	}
	want := `| payments/s | service | answered | p50 ms | p99 ms | p99.9 ms | processor µs an answer | peak MiB since its start | allocated kB an answer |
|---:|---|---:|---:|---:|---:|---:|---:|---:|
| 200 | base | all 3 | 1.00 | 1.00 | 1.00 | 1000 | 100 | – |
| 200 | ours | **3 of 4** | 2.00 (**2.00 ×**) | 2.00 (**2.00 ×**) | 2.00 (**2.00 ×**) | 500, 400 to 600 (0.50 ×) | 50 (0.50 ×) | 25.0 |
| 400 | ours | **3 of 4** | 2.00 | 2.00 | 2.00 | 500, 400 to 600 | 50 | 25.0 |
| breaks above 500 | base | all 3 | 1.00 | 1.00 | 1.00 | 1000 | 100 | – |
| breaks above at least 250 (**0.50 ×**) | ours | **3 of 4** | 2.00 (**2.00 ×**) | 2.00 (**2.00 ×**) | 2.00 (**2.00 ×**) | 500, 400 to 600 (0.50 ×) | 50 (0.50 ×) | 25.0 |
`
	if d := cmp.Diff(want, table(lines, []string{"base", "base-2"})); d != "" {
		t.Error(d)
	}
}

func TestRoundsAreAddedUp(t *testing.T) {
	t.Parallel()
	var r row
	first, second := rowOf(2, 1, 1), rowOf(4, 5, 5, 5)
	first.memory, second.memory, second.failed = 9, 7, map[string]int{"cut": 1}
	first.processor, second.processor = []time.Duration{2}, []time.Duration{4}
	r.add(first)
	r.add(second)
	got := []any{r.due, r.answered, r.latency.TotalCount(), r.failed["cut"], r.memory, r.mean()}
	if d := cmp.Diff([]any{int64(6), int64(5), int64(5), 1, int64(9), time.Duration(3)}, got); d != "" {
		t.Error(d)
	}
}

func TestWhatHolds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		row  *row
		want bool
	}{
		"all within":            {rowOf(2, 5, 19), true},
		"too slow":              {rowOf(2, 5, 21), false},
		"two of a hundred away": {rowOf(100, make([]int64, 98)...), false},
		"one of a hundred away": {rowOf(100, make([]int64, 99)...), true},
		"nobody was answered":   {rowOf(3), false},
	} {
		if got := c.row.holds(20 * time.Millisecond); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestBreakingPoint: the highest rate that holds is found to within an eighth, from far below and from above.
func TestBreakingPoint(t *testing.T) {
	t.Parallel()
	for _, limit := range []float64{60, 199, 201, 730, 1500} {
		asked := 0
		rate, most, err := breaking(200, func(rate float64) (bool, error) {
			asked++
			return rate <= limit, nil
		})
		if err != nil || most || rate > limit || rate < limit*7/8 || asked > doublings+halvings {
			t.Errorf("limit %v: %v, %v, %v after %d", limit, rate, most, err, asked)
		}
	}
	if rate, most, _ := breaking(200, func(float64) (bool, error) { return true, nil }); rate != 1600 || !most {
		t.Errorf("without a limit: %v, %v", rate, most)
	}
	if rate, most, _ := breaking(200, func(float64) (bool, error) { return false, nil }); rate != 0 || most {
		t.Errorf("with nothing: %v, %v", rate, most)
	}
	if _, _, err := breaking(200, func(float64) (bool, error) { return false, io.ErrClosedPipe }); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// TestOncePerPaymentIsChecked: each way in which a payment could get two decisions, or none, is told.
func TestOncePerPaymentIsChecked(t *testing.T) {
	t.Parallel()
	const approve, hold = `{"outcome":"APPROVE","decidedAt":"1"}`, `{"outcome":"HOLD","decidedAt":"1"}`
	for name, c := range map[string]struct {
		second, stands string
		made, again    int
		want           string
	}{
		"one decision":                   {approve, approve, 1, 0, ""},
		"another spelling":               {`{ "decidedAt":"1", "outcome":"APPROVE"}`, approve, 1, 0, ""},
		"two outcomes":                   {hold, approve, 1, 0, "two decisions"},
		"two moments":                    {`{"outcome":"APPROVE","decidedAt":"2"}`, approve, 1, 0, "two decisions"},
		"another one stands":             {approve, hold, 1, 0, "another stands"},
		"none stands":                    {approve, "", 1, 0, "no decision stands"},
		"both scorers made one":          {approve, approve, 2, 0, "2 decisions were made for 1"},
		"both, of one asked again":       {approve, approve, 2, 1, "2 decisions were made for 1"},
		"nobody made it":                 {approve, approve, 0, 0, "0 decisions were made for 1"},
		"made after its caller had gone": {approve, approve, 0, 1, ""},
	} {
		tally := newTally()
		if c.again > 0 {
			tally.again["E1"] = true
		}
		for _, answer := range []string{approve, c.second} {
			if err := tally.add(payment{id: "E1"}, []byte(answer), ""); err != nil {
				t.Fatal(err)
			}
		}
		err := tally.once(func(string) (string, error) {
			if c.stands == "" {
				return "", nil
			}
			return canonical([]byte(c.stands), "")
		}, c.made)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestRefusedByBothIsOwedOnce and each retry counts once.
func TestRefusedByBothIsOwedOnce(t *testing.T) {
	t.Parallel()
	tally := newTally()
	for _, id := range []string{"E1", "E1", "E2"} {
		if err := tally.add(payment{id: id}, nil, "status_503"); err != nil {
			t.Fatal(err)
		}
	}
	if err := tally.add(payment{id: "E2"}, []byte("{}"), ""); err != nil {
		t.Fatal(err)
	}
	if len(tally.owed) != 1 || len(tally.again) != 2 {
		t.Fatalf("owed %v, again %v", tally.owed, tally.again)
	}
	asked := 0
	wait := func(int) error { return nil }
	err := tally.settle(func(payment) ([]byte, string) {
		if asked++; asked < 3 {
			return nil, "status_503"
		}
		return []byte("{}"), ""
	}, wait)
	if err != nil || asked != 3 || len(tally.owed) != 0 || len(tally.again) != 2 || tally.least() != 0 {
		t.Errorf("%v after %d: owed %v, again %v", err, asked, tally.owed, tally.again)
	}
}

// TestSettlingEnds with the word of what fails, and at once for a caller that is not believed.
func TestSettlingEnds(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]int{"status_503": settlings, "status_401": 1} {
		tally, asked := newTally(), 0
		tally.owed["E1"] = payment{id: "E1"}
		err := tally.settle(func(payment) ([]byte, string) { asked++; return nil, word }, func(int) error { return nil })
		if err == nil || !strings.Contains(err.Error(), word) || asked != want {
			t.Errorf("%s: %v after %d", word, err, asked)
		}
	}
}

// TestRefusingIsNotFaster: what was not answered counts as the time-out.
func TestRefusingIsNotFaster(t *testing.T) {
	t.Parallel()
	answered := rowOf(3, 1, 1, 1).latency
	all, err := ofAll(answered, 2)
	if err != nil || all.TotalCount() != 5 || all.ValueAtQuantile(50) > 1010 || all.ValueAtQuantile(99) < timeout.Microseconds() {
		t.Errorf("%v, %v", all.TotalCount(), err)
	}
}

// TestOneWeekIsEnough for the history, the rates and every step of the ramp, and behind its end comes nothing.
func TestOneWeekIsEnough(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-rates", "20,40", "-history", "300", "-duration", "1s", "-warmup", "1s"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if want := 300 + 2*2*(20+40) + tries*20*(1+2+4+8*4); o.most() != want {
		t.Errorf("most %d, want %d", o.most(), want)
	}
	c := &comparison{options: o, source: newSource(o.most())}
	steps, err := c.rampPayments()
	if err != nil || len(steps) != tries*(doublings+halvings) || len(steps[0]) != 20 || len(steps[len(steps)-1]) != 160 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
	if _, err := newSource(100).take(1_000_000); err == nil {
		t.Error("a week has no end")
	}
	o.scale = true
	if want := 300 + plenty*(1+2*2); o.most() != want {
		t.Errorf("most of -scale %d, want %d", o.most(), want)
	}
}

// TestTheBestOfThemIsBeside, figure by figure.
func TestTheBestOfThemIsBeside(t *testing.T) {
	t.Parallel()
	text := table([]line{{rate: 1, service: "one", row: rowOf(1, 4)}, {rate: 1, service: "two", row: rowOf(1, 2)}, {rate: 1, service: "ours", row: rowOf(1, 3)}}, []string{"one", "two"})
	if !strings.Contains(text, "(**1.50 ×**)") || strings.Count(text, "×") != 3 {
		t.Error(text)
	}
}

// TestWhatIsLacking is skipped, and what is wrong is not.
func TestWhatIsLacking(t *testing.T) {
	t.Parallel()
	for said, skipped := range map[string]bool{
		"pip\nERROR: No matching distribution found for x": true, "exec: python3: executable file not found in $PATH": true,
		"Connection refused\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES": false, "ERROR: Invalid requirement": false,
	} {
		if err := lacking(errors.New(said)); errors.Is(err, errMissing) != skipped {
			t.Errorf("%s: %v", said, err)
		}
	}
}

func TestWhatHasNoDecisionIsOwed(t *testing.T) {
	t.Parallel()
	tally := newTally()
	if err := tally.add(payment{id: "E1"}, []byte(`{"provisional":true}`), "undecided"); err != nil {
		t.Fatal(err)
	}
	if len(tally.owed) != 1 || len(tally.answers) != 0 {
		t.Errorf("%+v", tally)
	}
	if err := tally.add(payment{id: "E2"}, []byte("junk"), ""); err == nil {
		t.Error("junk is a decision")
	}
}

// TestQuota: of version 1 and of version 2, and one line where there is none.
func TestQuota(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		makes, parent, file, want string
	}{
		"version 1": {"cpu/x", "cpu", "cpu.cfs_quota_us", "3000"},
		"version 2": {"cgroup.controllers", "", "cpu.max", "3000 10000"},
	} {
		root := t.TempDir()
		made := filepath.Join(root, c.makes)
		if err := errors.Join(os.MkdirAll(filepath.Dir(made), 0o750), os.WriteFile(made, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		dir, err := quota(root, "a", 0.3)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, c.file))
		if err != nil || string(got) != c.want || filepath.Dir(dir) != filepath.Join(root, c.parent) {
			t.Errorf("%s: %s of %s, %v", name, got, dir, err)
		}
	}
	if _, err := quota(t.TempDir(), "a", 0.3); !errors.Is(err, errMissing) {
		t.Errorf("without cgroups: %v", err)
	}
}

// TestBothGetTheSamePayments: two sources make the same, and the other service's keys are read from them.
func TestBothGetTheSamePayments(t *testing.T) {
	t.Parallel()
	a, errA := newSource(500).take(40)
	b, errB := newSource(500).take(40)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, b, cmp.AllowUnexported(payment{})); d != "" {
		t.Error(d)
	}
	keys, err := a[0].keys()
	if err != nil || strings.Count(keys[0], ":") != 2 || features(keys[0]) != features(keys[0]) || features(keys[0]) == features(keys[1]) {
		t.Errorf("%v, %v", keys, err)
	}
}

// TestRedisIsFilled: a refusal is told, and one answer for each command is waited for.
func TestRedisIsFilled(t *testing.T) {
	t.Parallel()
	for replies, fine := range map[string]bool{"+OK\r\n:40\r\n": true, "+OK\r\n-ERR no\r\n": false, "+OK\r\n": false} {
		if err := accepted(bufio.NewReader(strings.NewReader(replies)), 2); (err == nil) != fine {
			t.Errorf("%q: %v", replies, err)
		}
	}
	var b strings.Builder
	if command(&b, "SET", "k", "é\n"); b.String() != "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\né\n\r\n" {
		t.Errorf("%q", b.String())
	}
}

// TestTheRivalIsLeftOut with a line where this machine has no Redis.
func TestTheRivalIsLeftOut(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := openRival(t.Context(), &children{logs: t.TempDir()}, t.TempDir())
	if !errors.Is(err, errMissing) || !strings.Contains(err.Error(), "redis-server") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-only", "ours", "-binary", "old=/a", "-binary", "new=/b", "-rates", "100, 250"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]program{{"old", "/a"}, {"new", "/b"}}, o.binaries, cmp.AllowUnexported(program{})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]float64{100, 250}, o.rates); d != "" {
		t.Error(d)
	}
	if o, err := parse([]string{"-rate", "300"}, io.Discard); err != nil || len(o.rates) != 1 || o.rates[0] != 300 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, wrong := range [][]string{{"-only", "mine"}, {"-rates", "0"}, {"-rates", "x"}, {"-binary", "a=1", "-binary", "a=2"}, {"-rounds", "0"}, {"-core", "2"}, {"-core", "0.05"}, {"-rates", "90000"}, {"extra"}} {
		if _, err := parse(wrong, io.Discard); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
}
