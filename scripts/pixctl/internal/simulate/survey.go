package simulate

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// reference is the world that is compared with what is published: the month of Pix's record day, with every payment
// visible because the published figures are those of all institutions. The boost narrows what is said of fraud; all
// figures are by weight.
func reference() world.Params {
	zone := time.FixedZone("America/Sao_Paulo", -3*60*60)
	return world.Params{
		Seed: 1, Accounts: 20_000, Days: 31, OurShare: 1, FraudBoost: 50,
		Start: time.Date(2025, time.December, 1, 0, 0, 0, 0, zone),
	}
}

// tally is a number of payments and their money, by weight.
type tally struct{ n, reais float64 }

func (t *tally) add(weight float64, amount pix.Money) {
	t.n += weight
	t.reais += weight * float64(amount) / 100
}

func (t *tally) mean() float64 { return t.reais / max(t.n, 1e-12) }

// survey is what the comparison needs of a world.
type survey struct {
	all, fraud, victims, reported, returned tally
	breach                                  tally // counted, not weighted
	between                                 map[string]*tally
	typologies, lookAlikes                  map[string]*tally
	keys                                    map[pix.KeyKind]float64
	byKey, manual                           [2]float64 // payments, rejected
	started                                 map[pix.Initiation]float64
	withdrawals                             float64
	days                                    map[string]float64
	payee                                   map[int32]float64
	requests, accepted                      float64
	settled                                 []time.Duration
	delays                                  []time.Duration
	lag                                     time.Duration

	weight map[pix.EndToEndID]float64 // of reported payments of victims
	seen   map[int32]bool
}

func newSurvey() *survey {
	return &survey{
		between: map[string]*tally{}, typologies: map[string]*tally{}, lookAlikes: map[string]*tally{},
		keys: map[pix.KeyKind]float64{}, started: map[pix.Initiation]float64{}, days: map[string]float64{},
		payee: map[int32]float64{}, weight: map[pix.EndToEndID]float64{}, seen: map[int32]bool{},
	}
}

// measure runs a world to its end.
func measure(p world.Params) *survey {
	v := newSurvey()
	w := world.New(p)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		v.payment(&e, p.Start.Location())
		v.outcomes(w)
	}
	v.outcomes(w)
	return v
}

func count(m map[string]*tally, key string) *tally {
	if m[key] == nil {
		m[key] = &tally{}
	}
	return m[key]
}

func (v *survey) payment(e *world.Event, zone *time.Location) {
	s := &e.Submission
	v.all.add(e.Weight, s.Amount)
	count(v.between, string(s.PayerFacts.Person)+string(s.PayeeFacts.Person)).add(e.Weight, s.Amount)
	v.started[s.Initiation] += e.Weight
	if s.Purpose == pix.Withdrawal {
		v.withdrawals += e.Weight
	}
	v.days[s.EventTime.In(zone).Format(time.DateOnly)] += e.Weight
	v.rejection(e)
	if s.PayeeFacts.Person == pix.NaturalPerson && s.PayeeFacts.KeyKind != "" && !v.seen[e.Payee] {
		v.seen[e.Payee] = true
		v.keys[s.PayeeFacts.KeyKind]++
	}
	if s.PayeeFacts.Person == pix.LegalPerson && s.PayerFacts.Person == pix.NaturalPerson {
		v.payee[e.Payee] += e.Weight
	}
	if mark, ok := s.DICT.Watermark.Get(); ok && mark.Unix() > 0 {
		v.lag = max(v.lag, s.EventTime.Sub(mark))
	}
	if e.LookAlike != "" {
		count(v.lookAlikes, string(e.LookAlike)).add(e.Weight, s.Amount)
	}
	if e.Fraud {
		v.stolen(e)
	}
}

func (v *survey) rejection(e *world.Event) {
	to := &v.manual
	if e.Submission.Initiation == pix.ByKey {
		to = &v.byKey
	} else if e.Submission.Initiation != pix.Manual {
		return
	}
	to[0] += e.Weight
	if e.Rejected {
		to[1] += e.Weight
	}
}

// stolen counts a fraud. A breach is counted, not weighted: it is shown on its own.
func (v *survey) stolen(e *world.Event) {
	amount := e.Submission.Amount
	v.fraud.add(e.Weight, amount)
	if e.Typology == pix.InstitutionBreach {
		if e.Layer == 0 {
			v.breach.add(1, amount)
		}
		return
	}
	count(v.typologies, string(e.Typology)).add(e.Weight, amount)
	if e.PayerRole != world.Victim {
		return
	}
	v.victims.add(e.Weight, amount)
	if len(e.Reports) > 0 {
		v.reported.add(e.Weight, amount)
		v.weight[e.Submission.ID] = e.Weight
		v.delays = append(v.delays, e.LabelAt().Sub(e.Submission.EventTime))
	}
}

func (v *survey) outcomes(w *world.World) {
	for _, s := range w.Statuses() {
		switch s.State {
		case pix.Settled:
			v.settled = append(v.settled, s.OccurredAt.Sub(s.EventTime))
		case pix.Returned:
			v.returned.add(v.weight[s.ID], s.Returned)
		}
	}
	for _, c := range w.Cases() {
		if v.weight[c.ID] == 0 {
			continue
		}
		switch {
		case c.Kind == world.InfractionCase && (c.State == "CLOSED" || c.State == "CANCELLED") && c.Result != "AGREED":
			v.requests++
		case c.Kind == world.RefundCase && c.State == "CLOSED":
			v.requests++
			if c.Result != "REJECTED" {
				v.accepted++
			}
		}
	}
}

// largest returns the greatest of a map's values and its key.
func largest[K comparable](m map[K]float64) (key K, most, total float64) {
	for k, n := range m {
		total += n
		if n > most {
			key, most = k, n
		}
	}
	return key, most, total
}

func quantile(all []time.Duration, q float64) float64 {
	slices.Sort(all)
	return all[min(int(q*float64(len(all))), len(all)-1)].Seconds()
}

// within returns the share of durations up to a limit.
func within(all []time.Duration, limit time.Duration) float64 {
	n := 0
	for _, d := range all {
		if d <= limit {
			n++
		}
	}
	return float64(n) / float64(len(all))
}

// describe prints the comparison of the reference world with what is published.
func describe(out io.Writer) error {
	v := measure(reference())
	if _, err := io.WriteString(out, v.comparison()+"\n"+v.plots()); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return nil
}
