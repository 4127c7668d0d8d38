package publish

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// maxProblems bounds what is told of an input that is wrong throughout.
const maxProblems = 1000

// problem is one thing that is wrong with one object.
type problem struct {
	Object int `json:"object"` // from 1
	pix.Problem
}

// outcome is what a run prints.
type outcome struct {
	Topic        string    `json:"topic"`
	Schema       string    `json:"schema"`
	Published    int       `json:"published"`
	Forced       int       `json:"forced"` // of those published: they break the contract
	Refused      int       `json:"refused"`
	Problems     []problem `json:"problems"`
	MoreProblems int       `json:"more_problems"` // that are not listed
}

func (o *outcome) objects() int { return o.Published + o.Refused }

// note takes every problem of the object that comes next.
func (o *outcome) note(err error) {
	var all *pix.Problems
	list := []pix.Problem{{Reason: err.Error()}}
	if errors.As(err, &all) {
		list = all.List
	}
	for _, p := range list {
		if len(o.Problems) == maxProblems {
			o.MoreProblems++
			continue
		}
		o.Problems = append(o.Problems, problem{Object: o.objects() + 1, Problem: p})
	}
}

// write prints the outcome: problems are complaints, and a result where a program reads it.
func (o *outcome) write(std command.IO, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(std.Out).Encode(o); err != nil {
			return fmt.Errorf("write outcome: %w", err)
		}
		return nil
	}
	for _, p := range o.Problems {
		field := p.Field
		if field != "" {
			field += ": "
		}
		fmt.Fprintf(std.Err, "publish: object %d: %s%s\n", p.Object, field, p.Reason)
	}
	if o.MoreProblems > 0 {
		fmt.Fprintf(std.Err, "publish: %d more problems\n", o.MoreProblems)
	}
	fmt.Fprintf(std.Out, "published %d to %s, refused %d\n", o.Published, o.Topic, o.Refused)
	return nil
}
