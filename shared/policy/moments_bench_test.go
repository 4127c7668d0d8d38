package policy_test

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// BenchmarkMoments compares the usual live payment with one judged by its own date alone, and with one that is seen at
// another moment, for which the pack is applied twice.
func BenchmarkMoments(b *testing.B) {
	pack := shipped(b)
	in := noon(b, pix.Outbound)
	for name, m := range map[string]policy.Moments{
		"replay": {Replay: true}, "none": {}, "live": {DecidedAt: in.Tx.EventTime.Add(time.Second)},
		"after_a_day": {DecidedAt: in.Tx.EventTime.Add(24 * time.Hour)},
		"seen_later":  {DecidedAt: in.Tx.EventTime.Add(time.Minute)},
	} {
		in.Moments, in.Tx.ReceivedAt = m, time.Time{}
		if name == "seen_later" {
			in.Tx.ReceivedAt = m.DecidedAt
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				pack.Decide(in)
			}
		})
	}
}
