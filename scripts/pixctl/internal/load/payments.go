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

// generate takes n payments of a simulated week and gives each to keep, in event-time order.
func generate(seed uint64, n int, keep func(*pix.Submission) error) error {
	w := world.New(world.LastWeek(seed, n, time.Now()))
	for range n {
		e, ok := w.Next()
		if !ok {
			return errors.New("the simulated week is over: fewer payments than asked for")
		}
		if err := keep(&e.Submission); err != nil {
			return err
		}
	}
	return nil
}

// tokenised keeps payments as the scorer receives them from the bridge.
func (p *payments) tokenised(t *pix.Tokenizer) func(*pix.Submission) error {
	return func(s *pix.Submission) error {
		tx := t.Tokenize(s)
		e, err := event.EncodeTransaction(&tx)
		if err != nil {
			return fmt.Errorf("encode payment: %w", err)
		}
		p.add(e.Data)
		return nil
	}
}

// raw keeps payments as an authorisation path sends them.
func (p *payments) raw(s *pix.Submission) error {
	data, err := event.EncodeSubmissionJSON(s)
	if err != nil {
		return fmt.Errorf("encode payment: %w", err)
	}
	p.add(data)
	return nil
}
