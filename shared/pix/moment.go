package pix

import "time"

// MaxClockSkew is how far two synchronised clocks may differ, ours and that of whoever states a time.
const MaxClockSkew = 5 * time.Minute

const (
	pixBeganUnix   = 1605484800  // 2020-11-16T00:00:00Z
	oldestFactUnix = -2208988800 // 1900-01-01T00:00:00Z
)

// Moment is what a time of a message says, and so within which bounds it can be true. Every decoder judges its times by
// Moment.Problem, against the reader's clock: a time that passes is one that a window or an age may be reckoned from.
type Moment int

// The moments.
const (
	// Happened is a payment, what became of it, or the arrival of a report on it.
	Happened Moment = iota
	// Fact is something older that is told with a payment: an account was opened, a key changed hands.
	Fact
	// Made was stamped or let through by one of our own parts, against a clock that is not the reader's: where the two
	// disagree by more than the skew, what was made must still reach its readers. Another day is a defect all the same,
	// and a row of another century would poison the append that it shares with others.
	Made
	// Due lies ahead by its nature: the end of a hold.
	Due
)

// bounds is one row of the table of moments.
type bounds struct {
	oldest int64 // Unix seconds
	early  string
	ahead  time.Duration // of the reader's clock
	late   string
}

func (m Moment) bounds() bounds {
	const beforePix = "before Pix began"
	switch m {
	case Fact:
		return bounds{oldestFactUnix, "before 1900", MaxClockSkew, "more than 5 minutes in the future"}
	case Made:
		return bounds{pixBeganUnix, beforePix, 24 * time.Hour, "more than a day in the future"}
	case Due:
		return bounds{pixBeganUnix, beforePix, 366 * 24 * time.Hour, "more than a year in the future"}
	default:
		return bounds{pixBeganUnix, beforePix, MaxClockSkew, "more than 5 minutes in the future"}
	}
}

// Problem says what is wrong with a time that must be there, empty when nothing is.
func (m Moment) Problem(t, now time.Time) string {
	b := m.bounds()
	switch {
	case t.IsZero() && m != Fact:
		return required
	case t.Unix() < b.oldest:
		return b.early
	case t.After(now.Add(b.ahead)):
		return b.late
	default:
		return ""
	}
}

// OptionalProblem says what is wrong with a time whose zero value means that there is none.
func (m Moment) OptionalProblem(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return m.Problem(t, now)
}

// pastProblem bounds a fact that may be missing.
func pastProblem(o Optional[time.Time], now time.Time) string {
	t, ok := o.Get()
	if !ok {
		return ""
	}
	return Fact.Problem(t, now)
}

// Age is how old something was at a payment's event time. What happened after the payment has no age, and false is
// returned: read as new or as old, it would say something that nobody knows. Within MaxClockSkew it is the two clocks
// that differ, and the age is zero.
func Age(at, eventTime time.Time) (time.Duration, bool) {
	age := eventTime.Sub(at)
	return max(age, 0), age >= -MaxClockSkew
}
