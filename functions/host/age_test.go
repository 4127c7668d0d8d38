package host_test

import (
	"testing"

	"github.com/sentinela-pix/sentinela/functions/host"
)

// TestAgeOfKeysIsMeasured at each gate that has keys: whoever is on call sees how long an issuer has been away.
func TestAgeOfKeysIsMeasured(t *testing.T) {
	t.Parallel()
	g := newGround(t, nil)
	if _, err := g.OpenCallers(t.Context(), host.CallersConfig{Issuer: g.issuer.URL(), Audience: "https://ask.example", Callers: "core@bank=decide"}); err != nil {
		t.Fatal(err)
	}
	families, err := g.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	ages := map[string]float64{}
	for _, family := range families {
		if family.GetName() == "pix_identity_keys_age_seconds" {
			for _, m := range family.GetMetric() {
				ages[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	for _, gate := range []string{"pushes", "callers"} {
		if age, ok := ages[gate]; !ok || age < 0 || age > 600 {
			t.Errorf("%s: %v, %v", gate, age, ok)
		}
	}
	if len(ages) != 2 {
		t.Errorf("gates %v", ages)
	}
}
