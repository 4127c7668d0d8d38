package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// tally keeps what was answered to whom.
type tally struct {
	mu      sync.Mutex
	answers map[string][]string // each as canonical writes it, by payment
	both    int                 // payments that two scorers were asked for at once
	owed    map[string]payment  // without a decision so far
	again   map[string]bool     // payments of which a caller was told that there is none
}

func newTally() *tally {
	return &tally{answers: map[string][]string{}, owed: map[string]payment{}, again: map[string]bool{}}
}

// add keeps an answer, or that there was none.
func (t *tally) add(p payment, answer []byte, failure string) error {
	text, err := canonical(answer, failure)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if text == "" {
		t.again[p.id] = true
		if t.answers[p.id] == nil {
			t.owed[p.id] = p
		}
		return nil
	}
	delete(t.owed, p.id)
	t.answers[p.id] = append(t.answers[p.id], text)
	return nil
}

// canonical is an answer in one spelling, so that two of them can be compared; empty of none.
func canonical(answer []byte, failure string) (string, error) {
	if failure != "" {
		return "", nil
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return "", fmt.Errorf("read answer: %w", err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write answer: %w", err)
	}
	return string(text), nil
}

// least is how few decisions the scorers may have counted: each payment of which a caller was told that there is none may have got
// its own uncounted.
func (t *tally) least() int { return len(t.answers) - len(t.again) }

// once holds a run to its promise: every answer of a payment tells one decision, that which stands, and the scorers count as many
// as there are payments. One that came to stand after its caller had been told that there is none, as when the store's reply was
// lost, is not counted. standing gives the decision that stands, empty when none does.
func (t *tally) once(standing func(id string) (string, error), made int) error {
	for id, answers := range t.answers {
		for _, a := range answers[1:] {
			if a != answers[0] {
				return fmt.Errorf("%s has two decisions:\n%s\n%s", id, answers[0], a)
			}
		}
		stands, err := standing(id)
		switch {
		case err != nil:
			return err
		case stands == "":
			return fmt.Errorf("%s was answered and no decision stands", id)
		case stands != answers[0]:
			return fmt.Errorf("%s was answered one decision and another stands:\n%s\n%s", id, answers[0], stands)
		}
	}
	if n := len(t.answers); made > n || made < t.least() {
		return fmt.Errorf("%d decisions were made for %d payments, want %d to %d", made, n, t.least(), n)
	}
	return nil
}

// settlings is how often what got no decision is asked for again.
const settlings = 5

// settle asks for what is owed, a few times and with a pause before each. A caller that is not believed will not be, however often.
func (t *tally) settle(ask func(payment) ([]byte, string), before func(owed int) error) error {
	last := ""
	for range settlings {
		if len(t.owed) == 0 {
			return nil
		}
		if err := before(len(t.owed)); err != nil {
			return err
		}
		for _, p := range slices.Collect(maps.Values(t.owed)) {
			answer, failure := ask(p)
			if failure == "status_401" {
				return errors.New("ask again: " + failure)
			}
			if failure != "" {
				last = failure
			}
			if err := t.add(p, answer, failure); err != nil {
				return err
			}
		}
	}
	if len(t.owed) > 0 {
		return fmt.Errorf("ask again: %d payments have no decision: %s", len(t.owed), last)
	}
	return nil
}
