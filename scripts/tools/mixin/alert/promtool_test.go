package alert_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/alert"
)

// TestPromtoolAgrees gives every case to promtool, whose alerts' states are Prometheus' own and not those of this module. It
// may be a tick off: a window had both its ends until Prometheus 3. PROMTOOL names the program where it is not in the path.
func TestPromtoolAgrees(t *testing.T) {
	t.Parallel()
	program := os.Getenv("PROMTOOL")
	if program == "" {
		program = "promtool"
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Skip("there is no promtool: apt-get install prometheus, or name one in PROMTOOL")
	}
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), program, "test", "rules")
	cases := cases(t)
	for _, a := range alerts(t) {
		c := cases[a.Name]
		const tick = alert.Interval
		want := map[time.Duration]bool{c.Fires - 2*tick: false, c.Fires + tick: true}
		if c.Ends > 0 {
			want[c.Ends-2*tick], want[c.Ends+tick] = true, false
		}
		silence := map[time.Duration]bool{a.MissingFor - tick: false, a.MissingFor: true}
		rules, err := alert.Prometheus([]alert.Group{group(t, a)})
		if err != nil {
			t.Fatal(err)
		}
		tests, err := yaml.Marshal(map[string]any{
			"rule_files": []string{a.Name + ".rules"}, "evaluation_interval": "30s",
			"tests": []any{promtoolCase(a.Name, c.Series, want), promtoolCase(a.Silent(), nil, silence)},
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{a.Name + ".rules": rules, a.Name + ".tests": tests} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command.Args = append(command.Args, filepath.Join(dir, a.Name+".tests"))
	}
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// promtoolCase is one test in promtool's form: whether an alert fires at some moments.
func promtoolCase(name string, described []string, fires map[time.Duration]bool) any {
	var series, asked []any
	for _, d := range described {
		s, values := split(d)
		series = append(series, map[string]string{"series": s, "values": values})
	}
	for at, firing := range fires {
		samples := []any{}
		if firing {
			samples = append(samples, map[string]any{"labels": "{}", "value": 1})
		}
		asked = append(asked, map[string]any{
			"expr":      fmt.Sprintf("count(ALERTS{alertname=%q,alertstate=\"firing\"}) > bool 0", name),
			"eval_time": model.Duration(at).String(), "exp_samples": samples,
		})
	}
	return map[string]any{"name": name, "interval": "30s", "input_series": series, "promql_expr_test": asked}
}

// split takes a series and its values apart: after its labels, or after its name.
func split(described string) (series, values string) {
	depth := 0
	for i, r := range described {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case r == ' ' && depth == 0:
			return described[:i], described[i+1:]
		}
	}
	return described, ""
}
