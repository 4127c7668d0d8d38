package store

import "time"

// Tuning opens the figures of hot streams to tests: small ones reach every path with few events.
type Tuning struct {
	Busy, SealBatch, MaxCells, Fast int
	HotDelay                        time.Duration
}

// Tuned returns c with other figures; zero ones stay.
func Tuned(c Config, t Tuning) Config {
	c.tuning = defaultTuning()
	if t.Busy > 0 {
		c.tuning.busy = t.Busy
	}
	if t.SealBatch > 0 {
		c.tuning.sealBatch = t.SealBatch
	}
	if t.MaxCells > 0 {
		c.tuning.maxCells = t.MaxCells
	}
	if t.Fast > 0 {
		c.tuning.fastEvents = t.Fast
	}
	if t.HotDelay > 0 {
		c.tuning.hotDelay = t.HotDelay
	}
	return c
}

// Waiting is how many streams wait for upkeep.
func (s *Store) Waiting() int {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	return len(s.tasks.queue)
}

// Known is how many hot streams the process knows.
func (s *Store) Known() int { return s.index.size() }
