package push

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// plan is what happens to one message under the faults.
type plan struct {
	loseAck, republish bool
	delay, dupDelay    time.Duration
}

// plan draws from a generator seeded by the message, so that a run repeats whatever the scheduling.
func (f Faults) plan(messageID string) plan {
	if f.LoseAcks == 0 && f.Republish == 0 && f.Delay == 0 {
		return plan{}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(messageID)) // a hash never fails
	r := rand.New(rand.NewPCG(f.Seed, h.Sum64()))
	p := plan{loseAck: r.Float64() < f.LoseAcks, republish: r.Float64() < f.Republish}
	delayed := r.Float64() < f.Delay
	wait := time.Duration(r.Int64N(int64(f.MaxDelay) + 1))
	if delayed {
		p.delay = wait
	}
	p.dupDelay = time.Duration(r.Int64N(int64(f.MaxDelay) + 1))
	return p
}
