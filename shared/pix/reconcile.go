package pix

import "time"

// Decisions are reconciled with their rows by whole hours of DecidedAt. Both sides must count the same payments, so both ask
// here.
const (
	// reconcileAfter is how long after an hour's end its rows should all be there: an append takes minutes at most.
	reconcileAfter = 15 * time.Minute
	// ReconciledAge is how old a payment may be and count. Rows lie in partitions by event time, and a count that had to
	// look at all of them would cost more than it tells.
	ReconciledAge = 48 * time.Hour
)

// ReconciledHour returns when the newest hour that can be reconciled began; it ended an hour later.
func ReconciledHour(now time.Time) time.Time {
	return now.UTC().Add(-reconcileAfter).Truncate(time.Hour).Add(-time.Hour)
}

// Reconciled reports whether a decision counts, and the beginning of its hour.
func (d *Decision) Reconciled() (hour time.Time, counts bool) {
	hour = d.DecidedAt.UTC().Truncate(time.Hour)
	return hour, !d.Transaction.EventTime.Before(hour.Add(-ReconciledAge))
}
