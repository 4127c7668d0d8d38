package world

import (
	"errors"
	"fmt"
	"time"
)

// OurISPB is the institution whose seat the world is seen from. It is fictitious, as all of them are.
const OurISPB = "99000001"

// Defaults of Params.
const (
	DefaultAccounts    = 10_000 // in the whole world, ours and others
	DefaultDays        = 7      // simulated
	DefaultOurShare    = 0.35   // of the accounts
	DefaultPayments    = 1.2    // per account and day: 200 M a day over 170 M people and companies with keys, rounded
	DefaultFraudPer100 = 7.0    // per 100,000 payments
)

// maxFraudPer100k bounds boosted fraud: above a tenth of payments there would be more thieves than victims.
const maxFraudPer100k = 10_000

// Params describes a world. The zero value of a field means its default, except Seed, where zero is a seed like any
// other.
type Params struct {
	Seed                     uint64
	Start                    time.Time // first instant; 2026-01-05 00:00 in Location by default
	Days                     int
	Accounts                 int     // in the whole world, ours and others'
	OurShare                 float64 // of the accounts, ]0,1]
	PaymentsPerAccountPerDay float64 // mean over a week
	FraudPer100k             float64 // fraudulent payments per 100,000 payments before the boost
	FraudBoost               float64 // multiplies fraud only; Event.Weight undoes it
	// DriftDay is the day, from 1, on which the newest typologies begin and mule networks change, BreachDay the one in
	// whose night another institution's treasury is emptied. Zero means the middle and 85 % of a world of at least 20
	// days, and otherwise, like a negative number, never.
	DriftDay, BreachDay int
	Location            *time.Location // America/Sao_Paulo by default, as the fixed offset it has had since 2019
}

// LastWeek describes the week that ended before yesterday, of a world in which at least so many payments touch our
// institution: with two fifths more accounts than make them on average.
func LastWeek(seed uint64, payments int, now time.Time) Params {
	seen := 1 - (1-DefaultOurShare)*(1-DefaultOurShare) // of the payments: the payer or the payee is ours
	return Params{
		Seed:     seed,
		Start:    now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -DefaultDays-1),
		Days:     DefaultDays,
		Accounts: max(200, int(float64(payments*7/5)/(DefaultPayments*DefaultDays*seen))),
	}
}

// Validate reports every value outside its range at once.
func (p Params) Validate() error {
	var errs []error
	check := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what))
		}
	}
	check(p.Accounts == 0 || p.Accounts >= 200 && p.Accounts <= 20_000_000, "accounts must be 200 to 20,000,000")
	check(p.Days >= 0 && p.Days <= 3650, "days must be 1 to 3,650")
	check(p.OurShare >= 0 && p.OurShare <= 1, "share must be above 0 and at most 1")
	check(p.PaymentsPerAccountPerDay >= 0 && p.PaymentsPerAccountPerDay <= 50,
		"payments per account and day must be at most 50")
	check(p.FraudPer100k >= 0, "fraud rate must not be negative")
	boosted := orDefault(p.FraudPer100k, DefaultFraudPer100) * orDefault(p.FraudBoost, 1)
	check(p.FraudBoost >= 0 && boosted <= maxFraudPer100k, "boosted fraud must stay at or below 10 % of payments")
	days := orDefault(p.Days, DefaultDays)
	check(p.DriftDay <= days && p.BreachDay <= days, "drift and breach must lie within the days")
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("world parameters: %w", err)
	}
	return nil
}

// withDefaults fills what is zero and clamps what is out of range, so that New cannot fail.
func (p Params) withDefaults() Params {
	if p.Location == nil {
		p.Location = time.FixedZone("America/Sao_Paulo", -3*60*60)
	}
	if p.Start.IsZero() {
		p.Start = time.Date(2026, time.January, 5, 0, 0, 0, 0, p.Location)
	}
	p.Start = p.Start.Truncate(time.Minute)
	p.Days = orDefault(p.Days, DefaultDays)
	p.Accounts = max(orDefault(p.Accounts, DefaultAccounts), 200)
	p.OurShare = min(orDefault(p.OurShare, DefaultOurShare), 1)
	p.PaymentsPerAccountPerDay = min(orDefault(p.PaymentsPerAccountPerDay, DefaultPayments), 50)
	p.FraudPer100k = orDefault(p.FraudPer100k, DefaultFraudPer100)
	p.FraudPer100k = min(p.FraudPer100k, maxFraudPer100k)
	p.FraudBoost = min(orDefault(p.FraudBoost, 1), maxFraudPer100k/p.FraudPer100k)
	if p.DriftDay == 0 && p.Days >= fewestDriftDays {
		p.DriftDay = p.Days/2 + 1
	}
	if p.BreachDay == 0 && p.Days >= fewestDriftDays {
		p.BreachDay = p.Days * 17 / 20
	}
	return p
}

// fewestDriftDays is how long a world must be to drift by itself; in shorter ones everything is so from the start.
const fewestDriftDays = 20

// The breach has the shape of C&M Software's of 2025-06-30: R$ 541 M in 166 payments, in the small hours. Such an event
// is one in a hundred million payments, so its payments carry a weight far below one.
const (
	breachPayments      = 166     // of the night at full scale (published)
	breachFullScale     = 200_000 // accounts from which on all of them happen
	breachFewest        = 24      // of the night in a small world
	breachHour          = 1       // local hour at which it begins
	breachedInstitution = 4       // index of the institution whose treasury is emptied
	breachPer100k       = 0.0008  // payments of breaches in 100,000: four nights like that a year of 80 billion payments
)

// orDefault returns v when it is above zero.
func orDefault[T int | float64](v, fallback T) T {
	if v > 0 {
		return v
	}
	return fallback
}
