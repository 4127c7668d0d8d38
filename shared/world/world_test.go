package world_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// digest runs a world and folds everything it says into one number.
func digest(p world.Params) (uint64, int) {
	h, n := fnv.New64a(), 0
	w := world.New(p)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		s := e.Submission
		fmt.Fprintf(h, "%+v|%s|%s|%s|%s|%s|%+v|%v\n", s.Facts, s.Payer.Document.Reveal(), s.Payer.Account.Reveal(),
			s.Payee.Key.Reveal(), s.Payee.Name.Reveal(), s.DeviceID.Reveal(), e.Reports, e.Typology)
		n++
	}
	return h.Sum64(), n
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	p := world.Params{Seed: 42, Accounts: 1500, Days: 3, FraudBoost: 100}
	first, n := digest(p)
	second, _ := digest(p)
	if first != second || n == 0 {
		t.Errorf("two runs of one seed differ: %x, %x after %d events", first, second, n)
	}
	p.Seed++
	if other, _ := digest(p); other == first {
		t.Error("another seed gives the same bytes")
	}
}

// summary is what two seeds must agree on.
type summary struct {
	events, fraud, reported, inbound, outbound, night, lookAlike float64
	logAmount                                                    float64
	typologies                                                   map[world.Typology]float64
	lookAlikes                                                   map[world.LookAlike]float64
	late                                                         float64 // first reports later than a day
}

// single counts the look-alikes of one payer each.
func (s summary) single() float64 {
	return s.lookAlike - s.lookAlikes[world.ShopOpening] - s.lookAlikes[world.StreetSeller] - s.lookAlikes[world.GiftCollection]
}

func summarise(p world.Params) summary {
	s := summary{typologies: map[world.Typology]float64{}, lookAlikes: map[world.LookAlike]float64{}}
	w := world.New(p)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		s.events++
		s.logAmount += math.Log(float64(e.Submission.Amount))
		switch e.Submission.Direction {
		case pix.Inbound:
			s.inbound++
		case pix.Outbound:
			s.outbound++
		}
		if h := (e.Submission.EventTime.Hour() + 21) % 24; h < 6 {
			s.night++
		}
		if e.LookAlike != "" {
			s.lookAlike++
			s.lookAlikes[e.LookAlike]++
		}
		if !e.Fraud {
			continue
		}
		s.fraud++
		s.typologies[e.Typology]++
		if at := e.LabelAt(); !at.IsZero() {
			s.reported++
			if at.Sub(e.Submission.EventTime) > 24*time.Hour {
				s.late++
			}
		}
	}
	s.logAmount /= s.events
	return s
}

func TestTwoSeedsSameStatistics(t *testing.T) {
	t.Parallel()
	p := world.Params{Seed: 1, Accounts: 8000, Days: 10, FraudBoost: 100}
	a := summarise(p)
	p.Seed = 2
	b := summarise(p)
	for _, c := range []struct {
		name   string
		a, b   float64
		within float64 // relative
	}{
		{"events", a.events, b.events, 0.05},
		{"mean log amount", a.logAmount, b.logAmount, 0.03},
		{"inbound", a.inbound / a.events, b.inbound / b.events, 0.08},
		{"outbound", a.outbound / a.events, b.outbound / b.events, 0.08},
		{"night", a.night / a.events, b.night / b.events, 0.1},
		// A fair or a new shop brings dozens of payments at once, so their number says little in so small a world.
		{"look-alikes", a.single() / a.events, b.single() / b.events, 0.25},
		{"fraud", a.fraud / a.events, b.fraud / b.events, 0.45},
		{"reported", a.reported / a.fraud, b.reported / b.fraud, 0.2},
	} {
		if math.Abs(c.a-c.b) > c.within*c.a {
			t.Errorf("%s: %.5g with one seed, %.5g with another", c.name, c.a, c.b)
		}
	}
}

// TestFraudRate holds the world to the published base rate of 6 to 8 per 100,000 payments. The boost only makes the
// estimate narrow.
func TestFraudRate(t *testing.T) {
	t.Parallel()
	const boost = 100
	s := summarise(world.Params{Seed: 7, Accounts: 20_000, Days: 12, FraudBoost: boost})
	t.Logf("%.0f events, %+v", s.events, s)
	if rate := s.fraud / s.events * 100_000 / boost; rate < 6 || rate > 8 {
		t.Errorf("fraud rate %.2f per 100,000 payments, want 6 to 8", rate)
	}
	for _, typology := range world.Typologies() {
		if s.typologies[typology] < 30 {
			t.Errorf("%s: %.0f payments, too few to learn from", typology, s.typologies[typology])
		}
	}
	for _, l := range world.LookAlikes() {
		if s.lookAlikes[l] < 30 {
			t.Errorf("%s: only %.0f payments", l, s.lookAlikes[l])
		}
	}
	if s.lookAlike < 20*s.fraud/boost {
		t.Errorf("%.0f look-alike payments beside %.1f unboosted frauds", s.lookAlike, s.fraud/boost)
	}
	if share := s.reported / s.fraud; share < 0.5 || share > 0.9 {
		t.Errorf("%.2f of fraud is reported", share)
	}
	if share := s.late / s.reported; share < 0.3 || share > 0.8 {
		t.Errorf("%.2f of reports are later than a day", share)
	}
}

// TestVolume checks that the rate of payments that the seat sees follows from the parameters.
func TestVolume(t *testing.T) {
	t.Parallel()
	p := world.Params{Seed: 3, Accounts: 10_000, Days: 7, PaymentsPerAccountPerDay: 1.2, OurShare: 0.35}
	s := summarise(p)
	want := 10_000 * 7 * 1.2 * (1 - 0.65*0.65)
	if math.Abs(s.events-want) > 0.1*want {
		t.Errorf("%.0f events, want about %.0f", s.events, want)
	}
}

func TestLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := world.Params{
			Seed: rapid.Uint64().Draw(t, "seed"), Accounts: rapid.IntRange(200, 900).Draw(t, "accounts"),
			Days: rapid.IntRange(1, 4).Draw(t, "days"), OurShare: rapid.Float64Range(0.02, 1).Draw(t, "share"),
			FraudBoost: rapid.Float64Range(1, 300).Draw(t, "boost"),
		}
		seen := map[pix.EndToEndID]bool{}
		var last time.Time
		w := world.New(p)
		for e, ok := w.Next(); ok; e, ok = w.Next() {
			s := &e.Submission
			if s.EventTime.Before(last) {
				t.Fatalf("event at %s after one at %s", s.EventTime, last)
			}
			last = s.EventTime
			if seen[s.ID] {
				t.Fatalf("%s twice", s.ID)
			}
			seen[s.ID] = true
			if err := s.Validate(s.EventTime.Add(time.Second)); err != nil {
				t.Fatalf("invalid payment: %v\n%+v", err, s.Facts)
			}
			lawsOf(t, &e)
		}
	})
}

func lawsOf(t *rapid.T, e *world.Event) {
	s := &e.Submission
	if b, ok := s.PayerFacts.Balance.Get(); ok && b < s.Amount {
		t.Fatalf("pays %s out of %s", s.Amount, b)
	}
	if b, ok := s.PayeeFacts.Balance.Get(); ok && b < 0 {
		t.Fatal("a balance below zero")
	}
	if doc := s.Payer.Document.Reveal(); !pix.ValidCPF(doc) && !pix.ValidCNPJ(doc) {
		t.Fatalf("payer document has wrong check digits: %s", doc)
	}
	if key := s.Payee.Key.Reveal(); key != "" && pix.ClassifyKey(key) != s.PayeeFacts.KeyKind {
		t.Fatalf("key %s is not of kind %s", key, s.PayeeFacts.KeyKind)
	}
	minute, ok := s.ID.Minute()
	if !ok {
		t.Fatalf("id %s has no minute", s.ID)
	}
	if s.ServiceLevel == pix.ScheduledPayment {
		if minute.Hour() != 15 || minute.Minute() != 0 {
			t.Fatalf("scheduled payment with id at %s", minute)
		}
	} else if d := s.EventTime.Sub(minute); d < 0 || d >= time.Minute {
		t.Fatalf("id is %s from its event", d)
	}
	payerOurs, payeeOurs := s.PayerFacts.ISPB == world.OurISPB, s.PayeeFacts.ISPB == world.OurISPB
	if !payerOurs && !payeeOurs {
		t.Fatal("a payment that does not touch us")
	}
	_, payerKnown := s.PayerFacts.Balance.Get()
	_, payeeKnown := s.PayeeFacts.Balance.Get()
	_, device := s.Device.FirstSeenAt.Get()
	if payerKnown != payerOurs || payeeKnown != payeeOurs || device && !payerOurs || s.DeviceID != "" && !payerOurs {
		t.Fatalf("facts beyond our seat: %+v", s.Facts)
	}
	for _, r := range e.Reports {
		if d := r.ArrivedAt.Sub(s.EventTime); d < 0 || d > 88*24*time.Hour {
			t.Fatalf("report %s after the payment", d)
		}
	}
}

// BenchmarkNext prints events a second as the seat sees them.
func BenchmarkNext(b *testing.B) {
	w := world.New(world.Params{Seed: 1, Accounts: 100_000, Days: 3650})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := w.Next(); !ok {
			b.Fatal("the world ended")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
