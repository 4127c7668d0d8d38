package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// payments are the payments of a run in wire bytes, one after the other: a million small objects would make the garbage
// collector part of what is measured.
type payments struct {
	bytes []byte
	ends  []int
}

func (p *payments) add(b []byte) {
	p.bytes = append(p.bytes, b...)
	p.ends = append(p.ends, len(p.bytes))
}

func (p *payments) at(i int) []byte {
	from := 0
	if i > 0 {
		from = p.ends[i-1]
	}
	return p.bytes[from:p.ends[i]]
}

// supply makes the payments of a simulated week, in event-time order, and then those of another world's.
type supply struct {
	seed     uint64
	week     int // payments of a week at least
	world    *world.World
	payments payments
}

// newSupply returns one of a week with at least n payments.
func newSupply(seed uint64, n int) *supply {
	return &supply{seed: seed, week: n, world: world.New(world.LastWeek(seed, n, time.Now()))}
}

// one is the next payment.
func (s *supply) one() (*pix.Submission, error) {
	e, ok := s.world.Next()
	if !ok {
		s.seed++
		s.world = world.New(world.LastWeek(s.seed, s.week, time.Now()))
		if e, ok = s.world.Next(); !ok {
			return nil, errors.New("a simulated week has no payment")
		}
	}
	return &e.Submission, nil
}

// next makes the n payments that follow and forgets those before.
func (s *supply) next(n int, keep func(*pix.Submission) ([]byte, error)) error {
	s.payments = payments{}
	for range n {
		submission, err := s.one()
		if err != nil {
			return err
		}
		data, err := keep(submission)
		if err != nil {
			return fmt.Errorf("encode payment: %w", err)
		}
		s.payments.add(data)
	}
	return nil
}

// tokenised is a payment as the scorer receives it from the bridge.
func tokenised(t *pix.Tokenizer) func(*pix.Submission) ([]byte, error) {
	return func(s *pix.Submission) ([]byte, error) {
		tx := t.Tokenize(s)
		e, err := event.EncodeTransaction(&tx)
		return e.Data, err
	}
}
