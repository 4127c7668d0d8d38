package main

import (
	"encoding/json"
	"fmt"
	"sync"
)

// tally keeps what was answered to whom.
type tally struct {
	mu      sync.Mutex
	answers map[string][]string // each as canonical writes it, by payment
	both    int                 // payments that two scorers were asked for at once
	owed    []payment           // without a decision so far
	again   int                 // payments that were asked for again, for want of one
}

func newTally() *tally { return &tally{answers: map[string][]string{}} }

// add keeps an answer, or that there was none.
func (t *tally) add(p payment, answer []byte, failure string) error {
	text, err := canonical(answer, failure)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if text == "" {
		t.owed = append(t.owed, p)
		return nil
	}
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
	if n := len(t.answers); made > n || made < n-t.again {
		return fmt.Errorf("%d decisions were made for %d payments, of which %d were asked for again", made, n, t.again)
	}
	return nil
}
