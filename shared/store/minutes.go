package store

import "sync"

const (
	// openEvery is how long a process relies on having opened a minute, in milliseconds: engine.OpenMinute says what that
	// means to a sweep.
	openEvery = 20_000
	// maxOpened is how many minutes a process remembers to have opened: more than a week of them.
	maxOpened = 1 << 14
)

// opened remembers which minutes of event time this process has opened lately, so that of the payments of a minute only
// one in a while writes so. It forgets everything when it is full: what it does not know is opened again.
type opened struct {
	mu sync.Mutex
	at map[int64]int64 // minute, milliseconds
}

func newOpened() *opened { return &opened{at: map[int64]int64{}} }

// holds reports whether a minute is open for a mark that is stamped now. A clock that went back opens again.
func (o *opened) holds(minute, now int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, known := o.at[minute]
	return known && at <= now && now < at+openEvery
}

// note notes that the table took the opening.
func (o *opened) note(minute, now int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.at) >= maxOpened {
		clear(o.at)
	}
	o.at[minute] = now
}
