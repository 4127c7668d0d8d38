package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// maxShadows bounds the decisions whose challengers are scoring at once. A challenger that hangs costs its slots and
// nothing else.
const maxShadows = 64

// shadows lets challengers score what was just decided, beside the decision: it starts them after the champions have
// scored, goes on, and at its end waits a moment for what is ready.
type shadows struct {
	challengers Challengers
	wait        time.Duration
	slots       chan struct{}
	running     sync.WaitGroup
}

func newShadows(c Challengers, wait time.Duration) *shadows {
	return &shadows{challengers: c, wait: wait, slots: make(chan struct{}, maxShadows)}
}

var (
	errShadowLate = errors.New("challengers were not ready in time")
	errShadowBusy = errors.New("earlier challengers are still scoring")
)

// challenge is one decision's challengers at work; nil when there are none.
type challenge struct {
	patience time.Duration
	done     chan challenged // capacity 1
	err      error           // why it was not started
}

// challenged is what they came to.
type challenged struct {
	scores []pix.Score
	err    error
}

// start lets the challengers of the payment's roles score in's vector, which must not change afterwards.
func (s *shadows) start(in policy.Input, pack *policy.Pack) *challenge {
	if s.challengers == nil {
		return nil
	}
	var models []Model
	var roles []pix.Role
	for _, role := range in.Tx.Direction.Roles() {
		for _, m := range s.challengers.Challengers(role) {
			models, roles = append(models, m), append(roles, role)
		}
	}
	if len(models) == 0 {
		return nil
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return &challenge{err: errShadowBusy}
	}
	tx := *in.Tx // the decision goes on, and a late challenger outlives it: what may change is its own
	in.Tx, in.Scores = &tx, slices.Clone(in.Scores)
	c := &challenge{patience: s.wait, done: make(chan challenged, 1)}
	s.running.Go(func() {
		defer func() { <-s.slots }()
		var out challenged
		for i, m := range models {
			score, err := shadow(m, roles[i], in, pack)
			if err != nil {
				out.err = errors.Join(out.err, fmt.Errorf("%s challenger: %w", roles[i], err))
				continue
			}
			out.scores = append(out.scores, score)
		}
		c.done <- out
	})
	return c
}

// shadow asks one challenger. Whatever it does, the decision does not hear of it.
func shadow(m Model, role pix.Role, in policy.Input, pack *policy.Pack) (score pix.Score, err error) {
	defer func() {
		if r := recover(); r != nil {
			score, err = pix.Score{}, panicked(r)
		}
	}()
	if m == nil {
		return pix.Score{}, errNoScore
	}
	if score, err = scoreWith(m, role, in.Vector); err != nil {
		return pix.Score{}, err
	}
	score.Outcome = pack.Decide(instead(in, &score)).Outcome
	return score, nil
}

// instead gives what the policy would have looked at with a challenger in the champion's place.
func instead(in policy.Input, challenger *pix.Score) policy.Input {
	scores := []pix.Score{*challenger}
	for _, s := range in.Scores {
		if s.Role != challenger.Role {
			scores = append(scores, s)
		}
	}
	in.Scores = scores
	return in
}

// wait returns what the challengers said, once they have, or nothing when they take too long.
func (c *challenge) wait() ([]pix.Score, error) {
	if c == nil {
		return nil, nil
	}
	if c.err != nil {
		return nil, c.err
	}
	select {
	case out := <-c.done: // as a rule: they had the whole decision's time
		return out.scores, out.err
	default:
	}
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	select {
	case out := <-c.done:
		return out.scores, out.err
	case <-timer.C:
		return nil, errShadowLate
	}
}

// close waits for the challengers that are still scoring.
func (s *shadows) close(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("challengers are still scoring: %w", ctx.Err())
	}
}
