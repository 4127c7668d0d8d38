package obs

import (
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// buildInfo tells which binary this is: its version as the Go command stamped it, a tag or the commit.
func buildInfo() prometheus.Collector {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = versionOf(info)
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pix_build_info", Help: "1, with the version and the Go release of this binary as labels.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
	}, func() float64 { return 1 })
}

// versionOf is the module's version, or the commit where it has none.
func versionOf(info *debug.BuildInfo) string {
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (info.Main.Version == "" || info.Main.Version == "(devel)") {
			return s.Value
		}
	}
	if info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
