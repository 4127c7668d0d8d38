package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// BenchmarkDecide is the whole decision on the memory store with a model that costs nothing: what the engine, the
// features and the policy cost together. 1,000 payers make 30 payments a day each.
func BenchmarkDecide(b *testing.B) {
	const payers = 1_000
	for _, tc := range []struct {
		name        string
		probability float64
	}{{"approve", 0.01}, {"review", 0.6}} {
		b.Run(tc.name, func(b *testing.B) {
			w := newWorld(b, 0)
			w.models.set(pix.PayerRole, &fakeModel{version: "p1", probability: tc.probability})
			base := make([]*pix.Transaction, payers)
			for i := range base {
				base[i] = payment(i, pix.Outbound)
				base[i].Payer.Account.Current = pix.Token(fmt.Sprintf("acct.1.%022d", i))
				base[i].Payee.Account.Current = pix.Token(fmt.Sprintf("acct.1.%022d", payers+i*7%payers))
				base[i].DeviceToken.Current = pix.Token(fmt.Sprintf("dev.1.%022d", i))
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				tx := *base[n%payers]
				tx.ID = pix.EndToEndID(fmt.Sprintf("E12345678202611231500%011d", n))
				tx.EventTime = start.Add(time.Duration(n) * 48 * time.Minute / payers)
				if _, _, err := w.engine.Decide(b.Context(), live(&tx)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
