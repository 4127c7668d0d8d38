package enginetest

import "regexp"

// WithRoundThresholds replaces the thresholds of the shipped pack by 0.50 to hold, 0.97 to reject and 0.60 to block. The
// shipped ones are set anew for every model; tests of rules and of the engine must not move with them.
func WithRoundThresholds(pack []byte) []byte {
	for name, value := range map[string]string{"payer_review": "0.50", "payer_reject": "0.97", "receiver_block": "0.60"} {
		pack = regexp.MustCompile(`(?m)^  `+name+`: .*$`).ReplaceAll(pack, []byte("  "+name+": "+value))
	}
	return pack
}
