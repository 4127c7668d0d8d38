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
