package feature

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// valueOf computes one feature.
func valueOf(t *testing.T, name string, tx *pix.Transaction, h *Histories) float64 {
	t.Helper()
	i := slices.Index(Names(), name)
	if i < 0 {
		t.Fatalf("no feature %s", name)
	}
	return newSet(t).Vector(nil, tx, h)[i]
}

// TestANegativeAgeIsNoAge: a moment within the skew of clocks after the payment is now; one further ahead has no age, which
// is neither young nor old.
func TestANegativeAgeIsNoAge(t *testing.T) {
	t.Parallel()
	set := map[string]func(*pix.Transaction, pix.Optional[time.Time]){
		"payer_account_age_days":        func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.PayerFacts.AccountOpenedAt = o },
		"payee_account_age_days":        func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.PayeeFacts.AccountOpenedAt = o },
		"payee_key_age_days":            func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.DICT.KeyCreatedAt = o },
		"payee_key_owned_days":          func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.DICT.KeyOwnedSince = o },
		"payee_key_claim_days":          func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.DICT.ClaimOpenedAt = o },
		"device_age_hours":              func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.Device.FirstSeenAt = o },
		"password_reset_hours":          func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.Session.PasswordReset = o },
		"limit_changed_hours":           func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.PayerFacts.LimitChangedAt = o },
		"limit_changed_48h":             func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.PayerFacts.LimitChangedAt = o },
		"credentials_changed_hours":     func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.PayerFacts.KeyChangedAt = o },
		"dict_watermark_age_hours":      func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.DICT.Watermark = o },
		"dict_long_watermark_age_hours": func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.DICT.Long.Watermark = o },
		"mandate_age_days":              func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.Mandate.CreatedAt = o },
		"initiator_age_days":            func(tx *pix.Transaction, o pix.Optional[time.Time]) { tx.Mandate.InitiatorOpened = o },
	}
	for name, put := range set {
		for _, c := range []struct {
			after time.Duration
			known bool
		}{{-time.Hour, true}, {0, true}, {pix.MaxClockSkew, true}, {pix.MaxClockSkew + time.Millisecond, false}, {36 * 365 * 24 * time.Hour, false}} {
			tx := full()
			put(&tx, pix.Some(base().Add(c.after)))
			v := valueOf(t, name, &tx, nil)
			if math.IsNaN(v) == c.known || v < 0 || c.after > 0 && c.known && v != 0 && name != "limit_changed_48h" {
				t.Errorf("%s, %s after the payment: %v", name, c.after, v)
			}
		}
	}
}

// TestAReportOfTheFutureMarksNobody: a mark whose arrival cannot be true, stored before decoders refused it, neither counts
// nor outweighs what arrived in truth, today or in 500 days.
func TestAReportOfTheFutureMarksNobody(t *testing.T) {
	t.Parallel()
	mark := func(at time.Time, fraud bool) Mark {
		return Mark{At: at.UnixMilli(), ID: id(1), Source: "MED", Role: RoleBeneficiary, Fraud: fraud}
	}
	never := time.Date(2062, 1, 1, 0, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return base().Add(-d) }
	for name, c := range map[string]struct {
		marks []Mark
		want  float64
	}{
		"alone":                          {[]Mark{mark(never, true)}, 0},
		"then lifted twice":              {[]Mark{mark(never, true), mark(ago(time.Hour), false), mark(ago(2*time.Hour), false)}, 0},
		"one that lifts hides no fraud":  {[]Mark{mark(never, false), mark(ago(time.Hour), true)}, 1},
		"beside one that stands":         {[]Mark{mark(never, true), mark(ago(time.Hour), true)}, 1},
		"arrived after a late payment":   {[]Mark{mark(ago(-3*time.Hour), true)}, 1},
		"and lifted after it":            {[]Mark{mark(ago(-4*time.Hour), false), mark(ago(-3*time.Hour), true)}, 0},
		"the latest that can be true":    {[]Mark{mark(ago(-Retention), true)}, 1},
		"a millisecond later, it cannot": {[]Mark{mark(ago(-Retention-time.Millisecond), true)}, 0},
	} {
		for _, later := range []time.Duration{0, 500 * 24 * time.Hour} {
			tx := payment()
			tx.EventTime = base().Add(later)
			want := c.want
			if later > 0 { // what arrived in truth is forgotten by then
				want = 0
			}
			h := &Histories{Payee: History{Marks: SortMarks(slices.Clone(c.marks))}}
			if got := valueOf(t, "payee_fraud_marks_ever", &tx, h); got != want {
				t.Errorf("%s, %s later: %v marks, want %v", name, later, got, want)
			}
			if days := valueOf(t, "payee_fraud_mark_days", &tx, h); math.IsNaN(days) != (want == 0) || days < 0 {
				t.Errorf("%s, %s later: %v days", name, later, days)
			}
		}
	}
}

// TestAFirstEventAfterThePaymentIsNoAge: a first-ever fact that the payment cannot see gives way to the events it sees.
func TestAFirstEventAfterThePaymentIsNoAge(t *testing.T) {
	t.Parallel()
	tx := payment()
	h := &Histories{Pair: History{
		Out:   Stream{Events: []Event{event(1, 48*time.Hour, 2, 1)}},
		First: Firsts{Out: First{At: base().Add(time.Hour).UnixMilli(), ID: id(2)}},
	}}
	if got := valueOf(t, "pair_age_days", &tx, h); got != 2 {
		t.Errorf("%v days, want 2", got)
	}
}
