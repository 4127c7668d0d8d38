package world_test

import (
	"fmt"
	"hash/fnv"
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
		fmt.Fprintf(h, "%+v|%s|%s|%s|%s|%s|%+v|%v|%+v|%+v\n", s.Facts, s.Payer.Document.Reveal(), s.Payer.Account.Reveal(),
			s.Payee.Key.Reveal(), s.Payee.Name.Reveal(), s.DeviceID.Reveal(), e.Reports, e.Typology, w.Statuses(), w.Cases())
		n++
	}
	return h.Sum64(), n
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	p := world.Params{Seed: 42, Accounts: 1500, Days: 22, FraudBoost: 100}
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

func TestLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := world.Params{
			Seed: rapid.Uint64().Draw(t, "seed"), Accounts: rapid.IntRange(200, 900).Draw(t, "accounts"),
			Days: rapid.IntRange(1, 4).Draw(t, "days"), OurShare: rapid.Float64Range(0.02, 1).Draw(t, "share"),
			FraudBoost: rapid.Float64Range(1, 300).Draw(t, "boost"),
			Start:      time.Unix(rapid.Int64Range(1_700_000_000, 1_850_000_000).Draw(t, "start"), 0),
		}
		if rapid.Bool().Draw(t, "drifts") {
			p.DriftDay, p.BreachDay = p.Days, p.Days
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
			if err := s.Validate(s.ReceivedAt); err != nil {
				t.Fatalf("invalid payment: %v\n%+v", err, s.Facts)
			}
			lawsOf(t, &e)
			factsOfOurSeat(t, &e)
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
	for _, doc := range []string{s.Payer.Document.Reveal(), s.Payee.Document.Reveal()} {
		if !pix.ValidCPF(doc) && !pix.ValidCNPJ(doc) {
			t.Fatalf("document has wrong check digits: %s", doc)
		}
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
	if d := s.ReceivedAt.Sub(s.EventTime); d <= 0 || d > 2*time.Hour {
		t.Fatalf("received %s after the payment", d)
	}
	if want := s.SamplingWeight; want == 0 && e.Weight != 1 || want != 0 && want != e.Weight {
		t.Fatalf("weight %g in the event, %g in the truth", want, e.Weight)
	}
	if e.Rejected && len(e.Reports) > 0 {
		t.Fatal("money that never moved is reported stolen")
	}
	for _, r := range e.Reports {
		if d := r.ArrivedAt.Sub(s.EventTime); d < 0 || d > 88*24*time.Hour {
			t.Fatalf("report %s after the payment", d)
		}
	}
}

// message is what a payment's message says of a customer elsewhere.
func message(p *pix.PartyFacts) pix.PartyFacts {
	return pix.PartyFacts{ISPB: p.ISPB, AccountType: p.AccountType, Person: p.Person, KeyKind: p.KeyKind}
}

func factsOfOurSeat(t *rapid.T, e *world.Event) {
	s := &e.Submission
	payerOurs, payeeOurs := s.PayerFacts.ISPB == world.OurISPB, s.PayeeFacts.ISPB == world.OurISPB
	if !payerOurs && !payeeOurs {
		t.Fatal("a payment that does not touch us")
	}
	_, payerKnown := s.PayerFacts.Balance.Get()
	_, payeeKnown := s.PayeeFacts.Balance.Get()
	if payerKnown != payerOurs || payeeKnown != payeeOurs {
		t.Fatalf("we know our customers' balances and no others: %+v", s.Facts)
	}
	if !payerOurs && (s.PayerFacts != message(&s.PayerFacts) || s.DeviceID != "" || s.Device != pix.DeviceFacts{} ||
		s.Session != pix.SessionFacts{} || s.Mandate != pix.MandateFacts{}) {
		t.Fatalf("facts of another's payer: %+v", s.Facts)
	}
	if !payeeOurs && s.PayeeFacts != message(&s.PayeeFacts) {
		t.Fatalf("facts of another's payee: %+v", s.PayeeFacts)
	}
	if mark, ok := s.DICT.Watermark.Get(); ok && mark.Unix() != 0 {
		if age := s.EventTime.Sub(mark); age < 0 || age > 12*time.Hour+time.Minute {
			t.Fatalf("DICT's watermark is %s old", age)
		}
	}
}
