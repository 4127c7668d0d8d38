package store

import "sync"

// firsts remembers the first-ever facts of streams that were read lately, so that a payment does not write a fact that
// an earlier one made for ever: every such cell would lie in the row until the next garbage collection. It forgets half
// of what it knows when it is full; what it does not know is written again, which changes nothing.
type firsts struct {
	mu         sync.Mutex
	young, old map[stream]int64
	max        int // of each half
}

func newFirsts(limit int) *firsts { return &firsts{young: map[stream]int64{}, max: limit / 2} }

// learn notes the earliest event of a stream as it was just read: it may be a later one than before, where an event was
// withdrawn.
func (f *firsts) learn(s stream, at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.young[s]; ok {
		f.young[s] = at
		return
	}
	if len(f.young) >= f.max {
		f.old, f.young = f.young, make(map[stream]int64, f.max)
	}
	f.young[s] = at
}

// forget drops what was learned of a stream: its fact was withdrawn, or is not there.
func (f *firsts) forget(s stream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.young, s)
	delete(f.old, s)
}

// covers reports whether the stream is known to have an event before at, or at the same instant.
func (f *firsts) covers(s stream, at int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.young[s]
	if !ok {
		known, ok = f.old[s]
	}
	return ok && known <= at
}
