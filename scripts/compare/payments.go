package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// seed is that of the simulated payments: every run asks the same.
const seed = 1

// payment is one as an authorisation path sends it.
type payment struct {
	id   string
	body []byte
}

// source makes the payments of a simulated week, in event-time order.
type source struct{ world *world.World }

func newSource(week int) *source {
	return &source{world.New(world.LastWeek(seed, week, time.Now()))}
}

// next is the next payment. Behind the end of the week there is none: another world's accounts would have no history.
func (s *source) next() (*pix.Submission, error) {
	e, ok := s.world.Next()
	if !ok {
		return nil, errors.New("the simulated week has no more payments")
	}
	return &e.Submission, nil
}

// submissions are the next n payments, for a history.
func (s *source) submissions(n int) ([]*pix.Submission, error) {
	out := make([]*pix.Submission, n)
	for i := range out {
		var err error
		if out[i], err = s.next(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// take makes the next n payments in JSON.
func (s *source) take(n int) ([]payment, error) {
	out := make([]payment, 0, n)
	for range n {
		submission, err := s.next()
		if err != nil {
			return nil, err
		}
		body, err := event.EncodeSubmissionJSON(submission)
		if err != nil {
			return nil, fmt.Errorf("encode payment: %w", err)
		}
		out = append(out, payment{string(submission.ID), body})
	}
	return out, nil
}

// party is what the other service's features are kept under.
type party struct{ ISPB, Branch, Account string }

func (p party) key() string { return p.ISPB + ":" + p.Branch + ":" + p.Account }

// keys are those of payer and payee.
func (p payment) keys() ([2]string, error) {
	var both struct{ Payer, Payee party }
	if err := json.Unmarshal(p.body, &both); err != nil {
		return [2]string{}, errors.New("read the parties of a payment: it is no JSON") // without its text
	}
	return [2]string{both.Payer.key(), both.Payee.key()}, nil
}
