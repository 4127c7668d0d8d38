package engine_test

import (
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// BenchmarkDecide is the whole decision on the memory store with a model that costs nothing: what the engine, the
// features and the policy cost together.
func BenchmarkDecide(b *testing.B) {
	for name, probability := range map[string]float64{"approve": 0.01, "review": 0.6} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, 0)
			w.models.set(pix.PayerRole, &fakeModel{version: "p1", probability: probability})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				tx := payment(n, pix.Outbound)
				tx.Payer.Account.Current = pix.Token([]byte("acct.1.0000000000000000000000"))
				tx.EventTime = start.AddDate(0, 0, n) // one event in every window
				if _, _, err := w.engine.Decide(b.Context(), tx, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
