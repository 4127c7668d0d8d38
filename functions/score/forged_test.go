package score

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/reload"
	"github.com/sentinela-pix/sentinela/shared/scoring"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

// forger is a thief with a stolen phone who may state any date.
type forger struct {
	champions champions
	policies  *policy.Set
	features  *feature.Set
}

func newForger(tb testing.TB) *forger {
	tb.Helper()
	features, err := feature.NewSet()
	if err != nil {
		tb.Fatal(err)
	}
	// A rule of today beside the shipped ones: what was sent yesterday was not under it.
	pack := string(policy.Shipped()) + `
  - {id: of-today, description: d, legal_basis: l, source: s, confidence: own, effective_from: 2026-11-23, directions: [OUTBOUND, INTERNAL],
     reason_pt: p, reason_en: e, outcome: REJECT, when: 'amount_centavos == 77777'}
`
	policies, err := policy.NewSet([]byte(pack), features.Names())
	if err != nil {
		tb.Fatal(err)
	}
	shipped, err := reload.NewModels(reload.ModelsConfig{
		Store: modelstore.FromFS(models.Shipped()), Roles: pix.Internal.Roles(),
		Contract: scoring.Contract{FeatureNames: features.Names(), FeatureSet: features.Version()},
	})
	if err != nil {
		tb.Fatal(err)
	}
	w, err := reload.NewWatcher(reload.Config{}, shipped)
	if err != nil {
		tb.Fatal(err)
	}
	if err := w.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return &forger{champions{shipped.Set()}, policies, features}
}

// theft is the n-th payment from a stolen phone: to a payee nobody paid before.
func theft(n int, at time.Time, d pix.Direction, amount pix.Money) *pix.Transaction {
	party := func(name string, n int) pix.Party {
		return pix.Party{Account: pix.TokenPair{Current: pix.Token(fmt.Sprintf("acct.1.%s%018d", name, n))}}
	}
	return &pix.Transaction{
		Facts: pix.Facts{
			ID: pix.EndToEndID(fmt.Sprintf("E12345678202611231500%011d", n)), EventTime: at, Direction: d, Amount: amount,
			Initiation: pix.ByKey, Purpose: pix.Payment, Priority: pix.High, ServiceLevel: pix.PriorityPayment,
			PayerFacts: pix.PartyFacts{ISPB: "12345678", Person: pix.NaturalPerson}, PayeeFacts: pix.PartyFacts{ISPB: "87654321", Person: pix.NaturalPerson},
			Device: pix.DeviceFacts{Registered: pix.Some(true), RemoteAccess: pix.Some(false)},
		},
		Payer: party("vict", 1), Payee: party("mule", n%2), DeviceToken: pix.TokenPair{Current: pix.Token(fmt.Sprintf("dev.1.%022d", 1))},
	}
}

// take decides on a payment that is dated so far back, in a world of its own: a theft when somebody new is paid.
func (f *forger) take(t *testing.T, last *pix.Transaction, back time.Duration, waited bool) (*pix.Decision, error) {
	t.Helper()
	burst := 0
	if strings.Contains(string(last.Payee.Account.Current), "mule") {
		burst = 12
	}
	now := last.EventTime
	clock := func() time.Time { return now }
	store := memory.New(clock)
	for day := 1; day <= 40; day++ { // the victim's life
		tx := theft(1000+day, now.AddDate(0, 0, -day), last.Direction, 50_00)
		tx.Payee.Account.Current = pix.Token(fmt.Sprintf("acct.1.shop%018d", day%3))
		record(t, store, tx)
	}
	for n := range burst { // and what was taken in these ten minutes
		record(t, store, theft(2000+n, now.Add(-time.Duration(5+50*n)*time.Second), last.Direction, 900_00))
	}
	e, err := engine.New(engine.Deps{Store: store, Models: f.champions, Policies: f.policies, Features: f.features, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	forged := *last
	forged.EventTime = now.Add(-back)
	d, _, err := e.Answer(t.Context(), engine.Request{Tx: &forged, Arrival: pix.Arrival{At: now, Waited: waited}})
	return d, err
}

func record(tb testing.TB, s *memory.Store, tx *pix.Transaction) {
	tb.Helper()
	if err := s.Record(tb.Context(), tx); err != nil {
		tb.Fatal(err)
	}
}

// TestForgedDatesGainNothing: with the shipped models and rules, no date gives a milder outcome than the truth.
func TestForgedDatesGainNothing(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	noon := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	outcomes := map[pix.Outcome]int{}
	for _, at := range []time.Time{noon, noon.Add(8*time.Hour + 5*time.Minute), noon.Add(10 * time.Hour)} {
		for _, d := range []pix.Direction{pix.Outbound, pix.Inbound, pix.Internal} {
			for _, amount := range []pix.Money{50_00, 300_00, 777_77, 1_500_00} {
				last := theft(3000, at, d, amount)
				if amount == 50_00 { // the victim, as on any day
					last.Payee.Account.Current = pix.Token(fmt.Sprintf("acct.1.shop%018d", 1))
				}
				honest, err := f.take(t, last, 0, false)
				if err != nil {
					t.Fatal(err)
				}
				outcomes[honest.Outcome]++
				for _, back := range []time.Duration{-4 * time.Minute, time.Second, 3 * time.Second, 9 * time.Minute,
					11 * time.Minute, 3 * time.Hour, 12 * time.Hour, 25 * time.Hour, 48 * time.Hour} {
					for _, waited := range []bool{false, true} {
						forged, err := f.take(t, last, back, waited)
						what := fmt.Sprintf("%s of %d at %s, %v back, waited %v", d, amount, at.Format(time.TimeOnly), back, waited)
						switch {
						case err != nil && (waited || back < 24*time.Hour || !strings.Contains(err.Error(), "eventTime")):
							t.Errorf("%s: %v", what, err)
						case err == nil && (forged.Outcome == pix.Approve && back > engine.DefaultLateEventAge || forged.Outcome.Severity() < honest.Outcome.Severity()):
							t.Errorf("%s: %s for %s, by %v and %v", what, forged.Outcome, honest.Outcome, forged.RuleHits, honest.RuleHits)
						}
					}
				}
			}
		}
	}
	t.Logf("dated truly: %v", outcomes)
	if outcomes[pix.Approve] == 0 || len(outcomes) < 3 {
		t.Errorf("outcomes %v: the test shows too little", outcomes)
	}
}
