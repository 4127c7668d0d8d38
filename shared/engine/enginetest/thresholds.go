package enginetest

import "regexp"

// WithRoundThresholds replaces the thresholds of the shipped pack by 0.50 to hold, 0.97 to reject and 0.60 to block. The
// shipped ones are set anew for every model; tests of rules and of the engine must not move with them.
func WithRoundThresholds(pack []byte) []byte {
	return withThresholds(pack, map[string]string{"payer_review": "0.50", "payer_reject": "0.97", "receiver_block": "0.60"})
}

// WithEagerThresholds makes the shipped pack stop far more than it would, whatever models are shipped: an end-to-end test
// needs every outcome among a few hundred payments.
func WithEagerThresholds(pack []byte) []byte {
	return withThresholds(pack, map[string]string{"payer_review": "0.0003", "payer_reject": "0.003", "receiver_block": "0.0003"})
}

func withThresholds(pack []byte, values map[string]string) []byte {
	for name, value := range values {
		pack = regexp.MustCompile(`(?m)^  `+name+`: .*$`).ReplaceAll(pack, []byte("  "+name+": "+value))
	}
	return pack
}
