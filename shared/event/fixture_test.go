package event_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// now is a moment after every time in the fixtures.
func now() time.Time { return time.Date(2026, 11, 23, 14, 30, 20, 0, time.UTC) }

func tokenizer(tb testing.TB) *pix.Tokenizer {
	tb.Helper()
	previous := pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("p"), 32)}
	t, err := pix.NewTokenizer(pix.TokenKey{Version: 2, Secret: bytes.Repeat([]byte("c"), 32)}, &previous)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func example(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "transaction.json"))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func exampleTransaction(tb testing.TB) pix.Transaction {
	tb.Helper()
	tx, err := event.DecodeTransaction(event.Envelope{Data: example(tb)}, tokenizer(tb), now())
	if err != nil {
		tb.Fatal(err)
	}
	return tx
}

// draw makes valid payments and what follows from them. With full every optional fact is present.
type draw struct {
	t    *rapid.T
	full bool
}

func (d draw) has() bool { return d.full || rapid.Bool().Draw(d.t, "present") }

func (d draw) n(low, high int64) int64 { return rapid.Int64Range(low, high).Draw(d.t, "n") }

func (d draw) text(pattern string) string { return rapid.StringMatching(pattern).Draw(d.t, "text") }

func one[T any](d draw, set ...T) T { return rapid.SampledFrom(set).Draw(d.t, "one") }

func maybe[T any](d draw, value func() T) pix.Optional[T] {
	if !d.has() {
		return pix.Optional[T]{}
	}
	return pix.Some(value())
}

func (d draw) party(types ...pix.AccountType) pix.PartyFacts {
	return pix.PartyFacts{
		ISPB: pix.ISPB(d.text(`[0-9A-Z]{8}`)), AccountType: one(d, types...),
		Person: pix.NaturalPerson, KeyKind: pix.KeyEVP,
		AgeBand: "25-34", State: one(d, "SP", "RJ", "AC"),
	}
}

func (d draw) facts() pix.Facts {
	at := now().Add(-time.Duration(d.n(0, 3_600_000)) * time.Millisecond)
	c := pix.Carried{}
	c.Facts = pix.Facts{
		ID:        pix.EndToEndID("E" + d.text(`[0-9A-Z]{8}`) + at.Format("200601021504") + d.text(`[a-zA-Z0-9]{11}`)),
		EventTime: at, ReceivedAt: at.Add(time.Duration(d.n(1, 5_000_000_000))),
		Direction:    one(d, pix.Outbound, pix.Inbound, pix.Internal),
		Amount:       pix.Money(d.n(1, int64(pix.MaxAmount))),
		Initiation:   pix.DynamicQR,
		Purpose:      one(d, pix.Payment, pix.Change, pix.Withdrawal, pix.Refund, pix.MEDReturn),
		Priority:     one(d, pix.High, pix.Normal),
		ServiceLevel: one(d, pix.PriorityPayment, pix.ScheduledPayment, pix.FraudAnalysis),
		PayerFacts:   d.party(pix.Checking, pix.Salary), PayeeFacts: d.party(pix.Savings, pix.Prepaid, pix.Other),
		SamplingWeight: d.weight(),
	}
	pix.Walk(pix.Contract(), func(_, _ string, f *pix.Field) { d.fill(f.Place(&c)) })
	return c.Facts
}

// fill draws a fact that may be missing.
func (d draw) fill(place any) {
	switch to := place.(type) {
	case *pix.Optional[time.Time]:
		*to = maybe(d, func() time.Time { return time.Unix(d.n(0, now().Unix()), d.n(0, 999_999_999)).UTC() })
	case *pix.Optional[time.Duration]:
		*to = maybe(d, func() time.Duration { return time.Duration(d.n(0, int64(24*time.Hour))) })
	case *pix.Optional[pix.Money]:
		*to = maybe(d, func() pix.Money { return pix.Money(d.n(0, int64(pix.MaxAmount))) })
	case *pix.Optional[int64]:
		*to = maybe(d, func() int64 { return d.n(0, 1_000_000) })
	case *pix.Optional[bool]:
		*to = maybe(d, func() bool { return rapid.Bool().Draw(d.t, "flag") })
	}
}

func (d draw) weight() float64 {
	if !d.has() {
		return 0
	}
	return rapid.Float64Range(math.SmallestNonzeroFloat64, math.MaxFloat64).Draw(d.t, "weight")
}

func (d draw) status() pix.Status {
	at := now().Add(-time.Duration(d.n(0, 3_600_000)) * time.Millisecond)
	s := pix.Status{
		ID:        pix.EndToEndID("E" + d.text(`[0-9A-Z]{8}`) + at.Format("200601021504") + d.text(`[a-zA-Z0-9]{11}`)),
		EventTime: at, State: one(d, pix.Settled, pix.Rejected, pix.Returned),
		OccurredAt: at.Add(time.Duration(d.n(0, 5_000_000_000)))}
	if d.has() {
		s.ReasonCode = one(d, "FRAD", "BE08")
	}
	if s.State == pix.Returned || d.full {
		s.State, s.Returned = pix.Returned, pix.Money(d.n(1, int64(pix.MaxAmount)))
		s.ReturnID = "D" + d.text(`[0-9A-Z]{8}`) + at.Format("200601021504") + d.text(`[a-zA-Z0-9]{11}`)
	}
	return s
}

func (d draw) raw() pix.RawParty {
	return pix.RawParty{
		Document: "529.982.247-25", Branch: pix.Secret(d.text(`[0-9]{4}`)), Account: pix.Secret(d.text(`[1-9][0-9]{4,9}-[0-9X]`)),
		Key: pix.Secret(d.text(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)), Name: "João Ninguém",
	}
}

func (d draw) submission() pix.Submission {
	return pix.Submission{
		Facts: d.facts(), Payer: d.raw(), Payee: d.raw(), DeviceID: pix.Secret(d.text(`[a-z0-9-]{8,20}`)),
		TxID: pix.Secret(d.text(`[a-zA-Z0-9]{26,35}`)),
	}
}
