package models

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// TestShippedPolicyIsSetForTheShippedModels: a probability means what the calibration of one model makes of it, so whoever
// ships another model must set the pack's thresholds again. The two that stop a payment for a while are those of a
// false-positive rate of 0.1 %, to two digits; the one that rejects lies above the strictest that the manifest lists.
func TestShippedPolicyIsSetForTheShippedModels(t *testing.T) {
	t.Parallel()
	for name, role := range map[string]pix.Role{
		"payer_review": pix.PayerRole, "payer_reject": pix.PayerRole, "receiver_block": pix.ReceiverRole,
	} {
		found := regexp.MustCompile(`(?m)^  ` + name + `: (\S+)$`).FindSubmatch(policy.Shipped())
		if found == nil {
			t.Fatalf("the shipped pack has no threshold %s", name)
		}
		got, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		m, _, _ := shipped(t, role)
		listed := false
		for _, threshold := range m.Manifest().Thresholds {
			listed = listed || threshold.FPR == 0.001
			switch p := threshold.Probability; {
			case name == "payer_reject" && got <= p:
				t.Errorf("%s is %v, but %v flags %v of all legitimate payments", name, got, p, threshold.FPR)
			case name != "payer_reject" && threshold.FPR == 0.001 && math.Abs(got/p-1) > 0.05:
				t.Errorf("%s is %v, the manifest of %s/%s says %v for a false-positive rate of 0.1 %%", name, got, role, m.Version(), p)
			}
		}
		if !listed {
			t.Errorf("the manifest of %s/%s lists no threshold for a false-positive rate of 0.1 %%", role, m.Version())
		}
	}
}
