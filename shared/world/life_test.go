package world_test

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// brasilia is the zone of the world's days.
func brasilia() *time.Location { return time.FixedZone("America/Sao_Paulo", -3*60*60) }

// large counts payments and those above a limit.
type large struct{ all, above float64 }

func (l *large) add(amount, limit pix.Money) {
	l.all++
	if amount > limit {
		l.above++
	}
}

func (l *large) share() float64 { return l.above / l.all }

// TestLimitsHold: people hardly ever pay more than R$ 1,000 at night, or more than R$ 200 from an unregistered device.
func TestLimitsHold(t *testing.T) {
	t.Parallel()
	var day, night, registered, unregistered large
	w := world.New(world.Params{Seed: 12, Accounts: 4000, Days: 20, OurShare: 1})
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		s := &e.Submission
		if s.PayerFacts.Person != pix.NaturalPerson {
			continue
		}
		by := &day
		if hour := s.EventTime.In(brasilia()).Hour(); hour >= 20 || hour < 6 {
			by = &night
		}
		by.add(s.Amount, 1000_00)
		known, told := s.Device.Registered.Get()
		switch {
		case !told:
		case known:
			registered.add(s.Amount, 200_00)
		default:
			unregistered.add(s.Amount, 200_00)
		}
	}
	if night.all < 5000 || night.share() > day.share()/5 {
		t.Errorf("%.4f of %.0f payments at night are above the limit, %.4f by day", night.share(), night.all, day.share())
	}
	if unregistered.all < 200 || unregistered.share() > registered.share()/4 {
		t.Errorf("%.4f of %.0f payments from unregistered devices are above the limit, %.4f from others",
			unregistered.share(), unregistered.all, registered.share())
	}
}

// TestSalariesComeOnPayDays: companies pay people by account data on the fifth working day, the 15th, 20th and 30th.
func TestSalariesComeOnPayDays(t *testing.T) {
	t.Parallel()
	paid := map[int]int{}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, brasilia())
	w := world.New(world.Params{Seed: 13, Accounts: 3000, Days: 31, OurShare: 1, Start: start})
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		s := &e.Submission
		if s.PayerFacts.Person == pix.LegalPerson && s.PayeeFacts.Person == pix.NaturalPerson && s.Initiation == pix.Manual {
			paid[s.EventTime.In(brasilia()).Day()]++
		}
	}
	usual := paid[14] // a Wednesday on which nobody is paid
	for _, day := range []int{8, 15, 20, 30} {
		if usual == 0 || paid[day] < 3*usual {
			t.Errorf("%d payments by companies on the %d, %d on the 14", paid[day], day, usual)
		}
	}
}

// TestReportsAreHuman: some honest payments are reported, among look-alikes and others; some reports are withdrawn or
// not accepted; the last come after months, and none after 80 days.
func TestReportsAreHuman(t *testing.T) {
	t.Parallel()
	var ordinary, lookAlike, taken int
	var latest time.Duration
	w := world.New(world.Params{Seed: 14, Accounts: 30_000, Days: 20, OurShare: 1, FraudBoost: 20})
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if len(e.Reports) == 0 {
			continue
		}
		latest = max(latest, e.LabelAt().Sub(e.Submission.EventTime))
		switch {
		case e.Fraud:
		case e.LookAlike != "":
			lookAlike++
		default:
			ordinary++
		}
		if len(e.Reports) == 2 {
			taken++
			if second := e.Reports[1]; second.Fraud || second.Source != "DESK" || !second.ArrivedAt.After(e.LabelAt()) {
				t.Errorf("a report is taken back by %+v", second)
			}
		}
	}
	if ordinary == 0 || lookAlike < 3 || taken < 20 {
		t.Errorf("%d ordinary payments and %d of look-alikes are reported, %d reports are taken back", ordinary, lookAlike, taken)
	}
	if days := latest.Hours() / 24; days < 60 || days > 80 {
		t.Errorf("the last report comes after %.0f days", days)
	}
}

// TestDICTCountsSettlements: what DICT says that a new account received is what it had received at some moment of the
// last twelve hours.
func TestDICTCountsSettlements(t *testing.T) {
	t.Parallel()
	const window = 12 * time.Hour
	settled := map[int32][]time.Time{}
	told, most := 0, int64(0)
	var start time.Time
	w := world.New(world.Params{Seed: 15, Accounts: 4000, Days: 25, OurShare: 1})
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		s := &e.Submission
		if start.IsZero() {
			start = s.EventTime
		}
		opened, known := s.DICT.AccountOpenedAt.Get()
		if got, counted := s.DICT.Long.Settlements.M60.Get(); known && counted && opened.After(start) {
			all := settled[e.Payee]
			before := 0
			for before < len(all) && all[before].Before(s.EventTime.Add(-window)) {
				before++
			}
			if got < int64(before) || got > int64(len(all)) {
				t.Fatalf("DICT says that %d payments were settled, %d were, %d of them twelve hours ago", got, len(all), before)
			}
			told, most = told+1, max(most, got)
		}
		if !e.Rejected {
			settled[e.Payee] = append(settled[e.Payee], s.EventTime)
		}
	}
	if told < 50 || most < 10 {
		t.Errorf("%d look-ups of new accounts, %d settlements at most", told, most)
	}
}
