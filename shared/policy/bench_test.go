package policy_test

import (
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func BenchmarkDecide(b *testing.B) {
	pack := shipped(b)
	approved, held := noon(b, pix.Outbound), noon(b, pix.Outbound)
	setScore(&held, pix.PayerRole, 0.6)
	b.Run("approve", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pack.Decide(approved)
		}
	})
	b.Run("review", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pack.Decide(held)
		}
	})
}
