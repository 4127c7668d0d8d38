package pix

import "time"

// Arrival is what is known of when a payment reached us. Its age counts to there, so that what waited behind an outage of
// ours is as young as it was. The zero value is a live payment that has just come.
type Arrival struct {
	At time.Time // by a server's clock, never its sender's; zero means now
	// Waited says that it may have come before At: only its producer says when.
	Waited bool
	// Replay says that it is not live, on the word of somebody who may say so: a backfill, or a letter that is replayed.
	Replay bool
}

// SameMoment is how far arrival and event time may lie apart and be one: what a payment takes to reach us, and clocks.
const SameMoment = 2 * time.Second

// Moment is where the payment stands in histories and where the windows that it sees end: at its event time when it came
// then, else at its arrival, so that no date moves it. Serving and replays agree on it, because ReceivedAt is recorded.
func (f *Facts) Moment() time.Time {
	if f.ReceivedAt.IsZero() || f.ReceivedAt.Sub(f.EventTime).Abs() <= SameMoment {
		return f.EventTime
	}
	return f.ReceivedAt
}
