package score

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/reload"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// versions names the models and the policy that serve at the moment of a scrape. What served before is not among them, so
// versions do not pile up.
type versions struct {
	models       *scoring.Set
	policy       func() *policy.Pack
	model, rules *prometheus.Desc
}

func newVersions(models *scoring.Set, pack func() *policy.Pack) *versions {
	return &versions{
		models: models, policy: pack,
		model: prometheus.NewDesc("pix_model_info", "1 for each model that scores here now, by role, use (champion or challenger) and version.",
			[]string{"role", "use", "version"}, nil),
		rules: prometheus.NewDesc("pix_policy_info", "1, with the version of the policy that is in force here.", []string{"version"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (v *versions) Describe(to chan<- *prometheus.Desc) {
	to <- v.model
	to <- v.rules
}

// Collect implements prometheus.Collector.
func (v *versions) Collect(to chan<- prometheus.Metric) {
	one := func(desc *prometheus.Desc, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, 1, labels...)
	}
	eachModel(v.models, func(role pix.Role, use reload.Use, version string) { one(v.model, string(role), string(use), version) })
	if pack := v.policy(); pack != nil {
		one(v.rules, pack.Version())
	}
}

// eachModel tells of the models that score now.
func eachModel(models *scoring.Set, tell func(role pix.Role, use reload.Use, version string)) {
	for _, role := range pix.Internal.Roles() {
		if m, err := models.Model(role); err == nil {
			tell(role, reload.Champion, m.Version())
		}
		for _, m := range models.Challengers(role) {
			tell(role, reload.Challenger, m.Version())
		}
	}
}
