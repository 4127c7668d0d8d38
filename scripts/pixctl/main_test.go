package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pixtest/transcript"
)

// runVariable makes this test binary pixctl itself, so that tests see a process as people do.
const runVariable = "PIXCTL_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is pixctl from outside.
type process struct {
	*exec.Cmd
	out, errs transcript.Buffer
}

func pixctl(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.Dir, p.Env = dir, append(os.Environ(), runVariable+"=1", "PROJECT=p", "PUBSUB_EMULATOR_HOST=127.0.0.1:1")
	p.Stdout, p.Stderr = &p.out, &p.errs
	return p
}

// code waits for the end.
func (p *process) code(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// do runs a command to its end.
func do(t *testing.T, dir string, args ...string) (code int, said string) {
	t.Helper()
	p := pixctl(t, dir, args...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p.code(t), p.out.String() + p.errs.String()
}

// TestFromAWorldToAReport: each step takes what the one before wrote, and where the report would say nothing the command
// says which flag to change.
func TestFromAWorldToAReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	model, err := filepath.Abs("../../models/payer/6")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		world []string
		code  int
		says  string
	}{
		{nil, 1, "pixctl simulate -start 2026-"},
		{[]string{"-start", "2026-03-20"}, 1, "-fraud-boost"},
		{[]string{"-start", "2026-03-20", "-fraud-boost", "300"}, 0, "recall"},
	} {
		for i, args := range [][]string{
			append([]string{"simulate", "-accounts", "1500", "-days", "3", "-out", "w"}, c.world...),
			{"vectors", "-events", "w/events.jsonl", "-statuses", "w/statuses.jsonl", "-out", "v.parquet"},
			{"score", "-model", model, "-in", "v.parquet", "-out", "s.parquet", "-contributions", "none"},
			{"evaluate", "-scores", "s.parquet", "-truth", "w/truth.jsonl"},
		} {
			want, says := 0, ""
			if i == 3 {
				want, says = c.code, c.says
			}
			if i == 3 && c.code != 0 {
				args = args[:3] // a world without fraud has an empty truth
			}
			if code, said := do(t, dir, args...); code != want || !strings.Contains(said, says) {
				t.Fatalf("%v of %v: exit code %d, want %d with %q; printed\n%s", args, c.world, code, want, says, said)
			}
		}
	}
	if left, _ := filepath.Glob(dir + "/*.partial"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestDoctorOfTheDemo: with the endpoints that the demo prints nothing is wrong or missing, and what is there is called
// right.
func TestDoctorOfTheDemo(t *testing.T) {
	t.Parallel()
	demo := pixctl(t, t.TempDir(), "demo", "-serve")
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the demo is ready", func() bool { return strings.Contains(demo.out.String(), "\nready\n") })
	var d *process
	code := 1
	until(t, "the doctor finds nothing wrong", func() bool { // the bridge joins its group in its own time
		d = pixctl(t, t.TempDir(), "doctor", "-only", "project,environment,topics,store,warehouse,buckets,rights,clocks,kafka")
		d.Env = append(d.Env, strings.Split(strings.TrimSuffix(demo.out.String(), "ready\n"), "\n")...)
		if err := d.Start(); err != nil {
			t.Fatal(err)
		}
		code = d.code(t)
		return code == 0 || !strings.Contains(d.out.String(), "nobody reads as kafka-bridge")
	})
	if code != 0 {
		t.Errorf("exit code %d:\n%s%s", code, d.out.String(), d.errs.String())
	}
	for _, line := range []string{"relation model_divergence", "relation decisions", "subscription alert", "family hot", "receiver model in force"} {
		if !regexp.MustCompile(`(?m)^  ok +` + line + ` `).MatchString(d.out.String()) {
			t.Errorf("%s is not called right:\n%s", line, d.out.String())
		}
	}
	if err := demo.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := demo.code(t); code != 0 && code != 130 {
		t.Errorf("the demo ends with %d: %s", code, demo.errs.String())
	}
}

// TestSignals: every command that takes time ends with 130, and leaves nothing under the names that were asked for.
func TestSignals(t *testing.T) {
	t.Parallel()
	scores, err := filepath.Abs("internal/evaluate/testdata/payer.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		runs func(t *testing.T, dir string, p *process) // returns once the command is at work
	}{
		"simulate": {[]string{"simulate", "-accounts", "20000", "-days", "365", "-out", "w"}, exists("w/events.jsonl.partial")},
		"evaluate": {[]string{"evaluate", "-scores", scores, "-truth", "pipe"}, feeds(`{"end_to_end_id":"E"}` + "\n")},
		"publish":  {[]string{"publish", "-topic", "t", "-file", "pipe"}, feeds("")},
		"load":     {[]string{"load", "-on", "nothing", "-rate", "10", "-duration", "10m"}, says("a second for")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := pixctl(t, dir, c.args...)
			if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			c.runs(t, dir, p)
			if err := p.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if code := p.code(t); code != 130 {
				t.Errorf("exit code %d: %s%s", code, p.out.String(), p.errs.String())
			}
			if left, _ := filepath.Glob(dir + "/w/*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// until polls for what a process brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}

func exists(name string) func(*testing.T, string, *process) {
	return func(t *testing.T, dir string, _ *process) {
		t.Helper()
		until(t, name, func() bool {
			_, err := os.Stat(filepath.Join(dir, name))
			return err == nil
		})
	}
}

func says(text string) func(*testing.T, string, *process) {
	return func(t *testing.T, _ string, p *process) {
		t.Helper()
		until(t, text, func() bool { return strings.Contains(p.errs.String(), text) })
	}
}

// feeds opens a named pipe, which waits for the command to open its other end, and writes to it until nobody reads. An
// empty line is never written: the command waits for one.
func feeds(line string) func(*testing.T, string, *process) {
	return func(t *testing.T, dir string, _ *process) {
		t.Helper()
		w, err := os.OpenFile(filepath.Join(dir, "pipe"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		if line == "" {
			return
		}
		go func() {
			for err := error(nil); err == nil; {
				_, err = w.WriteString(line)
			}
		}()
	}
}
