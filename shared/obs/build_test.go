package obs

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestVersion: a release says its tag, a build from a checkout its commit, and what says neither is unknown.
func TestVersion(t *testing.T) {
	t.Parallel()
	commit := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc"}}
	for want, info := range map[string]*debug.BuildInfo{
		"v1.2.3":  {Main: debug.Module{Version: "v1.2.3"}, Settings: commit},
		"abc":     {Main: debug.Module{Version: "(devel)"}, Settings: commit},
		"(devel)": {Main: debug.Module{Version: "(devel)"}},
		"unknown": {},
	} {
		if got := versionOf(info); got != want {
			t.Errorf("%+v is version %q, want %q", info.Main, got, want)
		}
	}
	families, err := NewRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if m := f.GetMetric()[0]; f.GetName() == "pix_build_info" {
			if m.GetGauge().GetValue() != 1 || m.GetLabel()[0].GetValue() != runtime.Version() || m.GetLabel()[1].GetValue() == "" {
				t.Errorf("%v", m)
			}
			return
		}
	}
	t.Error("a registry does not tell the build")
}

// TestBuckets: the objective is a bound, and bounds rise.
func TestBuckets(t *testing.T) {
	t.Parallel()
	for name, bounds := range map[string][]float64{"age": AgeBuckets(), "log-odds": LogOddsBuckets(), "latency": LatencyBuckets()} {
		held := name == "log-odds"
		for i, b := range bounds {
			held = held || b == 0.3
			if i > 0 && b <= bounds[i-1] {
				t.Errorf("%s: %v follows %v", name, b, bounds[i-1])
			}
		}
		if !held {
			t.Errorf("%s has no bound of 0.3 s", name)
		}
	}
}
