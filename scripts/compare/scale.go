package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
)

const (
	cgroups   = "/sys/fs/cgroup"
	callers   = 16   // of each scorer, one call at a time: enough to keep its share of a processor busy
	together  = 20   // one payment in so many goes to both scorers at once
	plenty    = 2000 // payments a second that are made for a round: more than two scorers within their quotas decide
	patient   = 50 * time.Millisecond
	wanted    = 1.7 // times what one decides, of two
	firstTime = `pix_decisions_total\{[^}]*repeated="false"[^}]*\}`
)

// arm is what one or two scorers did in a round.
type arm struct {
	perSecond float64
	cores     float64 // of processor that each used, on average
}

// scaling is a run of -scale.
type scaling struct {
	*comparison
	scorers  []*service
	tally    *tally
	made     int // decisions, as the scorers count them
	one, two []arm
}

// scaled says what two scorers decide beside one.
func (c *comparison) scaled(ctx context.Context, out io.Writer) error {
	dirs := make([]string, 0, 2)
	defer func() {
		c.children.stop() // a cgroup with a process in it stays
		for _, dir := range dirs {
			_ = os.Remove(dir)
		}
	}()
	for _, name := range []string{"a", "b"} {
		dir, err := quota(cgroups, name, c.core)
		if errors.Is(err, errMissing) {
			c.say("two scorers beside one are %v", err)
			return nil
		}
		if err != nil {
			return err
		}
		dirs = append(dirs, dir)
	}
	before := machine(time.Now())
	s := &scaling{comparison: c, tally: newTally()}
	if err := s.start(ctx, dirs); err != nil {
		return err
	}
	if err := s.play(ctx); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	if err := s.check(ctx); err != nil {
		return fmt.Errorf("once per payment: %w", err)
	}
	_, err := fmt.Fprintf(out, "%s; scorers of %.2g of a processor each\n\n%s", before, c.core, s.table())
	if err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// start starts two scorers on one instance, each in its cgroup.
func (s *scaling) start(ctx context.Context, dirs []string) error {
	programs, err := s.programs(ctx)
	if err != nil {
		return err
	}
	if s.ground, err = openGround(ctx, s.children, s.children.logs); err != nil {
		return err
	}
	s.say("writing a history of %d payments", s.history)
	history, err := s.source.submissions(s.history)
	if err != nil {
		return err
	}
	if err := s.ground.remember(ctx, "shared", history); err != nil {
		return err
	}
	for i, dir := range dirs {
		one, err := s.ground.scorer(ctx, "scorer-"+string(rune('a'+i)), "shared", "/bin/sh", "-c", inside, dir, programs[0].path)
		if err != nil {
			return err
		}
		s.scorers = append(s.scorers, one)
	}
	return nil
}

// play lets one scorer and two decide in turns.
func (s *scaling) play(ctx context.Context) error {
	if _, err := s.drive(ctx, s.scorers, s.warmup); err != nil {
		return err
	}
	for round := range s.rounds {
		// The one is either of them, and every second round two come first: neither the process nor the order is the difference.
		alone := s.scorers[round%2:][:1]
		var one, two arm
		turns := []func() error{
			func() (err error) { one, err = s.drive(ctx, alone, s.duration); return err },
			func() (err error) { two, err = s.drive(ctx, s.scorers, s.duration); return err },
		}
		if round%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return err
			}
		}
		s.one, s.two = append(s.one, one), append(s.two, two)
		s.say("round %d: one decides %.0f a second, two %.0f, %.2f ×", round+1, one.perSecond, two.perSecond, two.perSecond/one.perSecond)
	}
	return nil
}

// drive keeps scorers busy for a while: each caller asks for the next payment when the one before is answered.
func (s *scaling) drive(ctx context.Context, scorers []*service, d time.Duration) (arm, error) {
	payments, err := s.source.take(int(plenty * d.Seconds()))
	if err != nil {
		return arm{}, err
	}
	was, err := processorOf(scorers)
	if err != nil {
		return arm{}, err
	}
	var next, decided atomic.Int64
	var all sync.WaitGroup
	failures := make(chan error, callers*len(scorers))
	began := time.Now()
	for n := range callers * len(scorers) {
		all.Go(func() {
			for ctx.Err() == nil && time.Since(began) < d {
				i := int(next.Add(1)) - 1
				if i >= len(payments) {
					failures <- errors.New("there are too few payments for scorers so fast")
					return
				}
				asked := scorers[n%len(scorers):][:1]
				if i%together == 0 {
					asked = scorers
				}
				ok, err := s.decide(ctx, asked, payments[i])
				if err != nil {
					failures <- err
					return
				}
				if ok {
					decided.Add(1)
				} else {
					pause(ctx)
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	close(failures)
	now, err := processorOf(scorers)
	if err := errors.Join(err, ctx.Err(), <-failures); err != nil {
		return arm{}, err
	}
	return arm{float64(decided.Load()) / took.Seconds(), (now - was).Seconds() / took.Seconds() / float64(len(scorers))}, nil
}

// pause is what a caller waits that got no decision: a refusal costs nothing, and callers that ask on at once would be a load that
// no scorer of this share is made for.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(patient):
	}
}

// decide asks scorers for one payment, at once.
func (s *scaling) decide(ctx context.Context, asked []*service, p payment) (decided bool, err error) {
	if len(asked) > 1 {
		s.tally.mu.Lock()
		s.tally.both++
		s.tally.mu.Unlock()
	}
	var all sync.WaitGroup
	var stands atomic.Bool
	failures := make(chan error, len(asked))
	for _, scorer := range asked {
		all.Go(func() {
			answer, failure := scorer.ask(ctx, p)
			if failure == "" {
				stands.Store(true)
			}
			failures <- s.tally.add(p, answer, failure)
		})
	}
	all.Wait()
	for range asked {
		err = errors.Join(err, <-failures)
	}
	return stands.Load(), err
}

func processorOf(scorers []*service) (total time.Duration, err error) {
	for _, s := range scorers {
		u, err := s.used()
		if err != nil {
			return 0, err
		}
		total += u.processor
	}
	return total, nil
}

// settle asks again for what got no decision, and counts how many decisions the scorers have made.
func (s *scaling) settle(ctx context.Context) error {
	err := s.tally.settle(func(p payment) ([]byte, string) { return s.scorers[0].ask(ctx, p) }, func(owed int) error {
		s.say("asking again for %d payments without a decision", owed)
		pause(ctx)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, scorer := range s.scorers {
		n, err := scorer.metric(ctx, firstTime)
		if err != nil {
			return err
		}
		s.made += int(n)
	}
	return nil
}

// check holds the answers to the store.
func (s *scaling) check(ctx context.Context) (err error) {
	s.say("comparing %d answers with what stands in the store", len(s.tally.answers))
	st, err := store.Open(ctx, s.ground.config("shared"), s.ground.options()...)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return s.tally.once(func(id string) (string, error) {
		d, err := st.Decision(ctx, pix.EndToEndID(id))
		if err != nil || d == nil {
			return "", err
		}
		answer, err := event.AnswerJSON(d)
		if err != nil {
			return "", fmt.Errorf("answer: %w", err)
		}
		return canonical(answer, "")
	}, s.made)
}

// table is what was found, in Markdown.
func (s *scaling) table() string {
	var b strings.Builder
	b.WriteString("| | one scorer | two | × |\n|---|---:|---:|---:|\n")
	var one, two, coresOne, coresTwo float64
	for i := range s.one {
		fmt.Fprintf(&b, "| decided a second, round %d | %.0f | %.0f | %.2f |\n", i+1, s.one[i].perSecond, s.two[i].perSecond, s.two[i].perSecond/s.one[i].perSecond)
		one, two = one+s.one[i].perSecond, two+s.two[i].perSecond
		coresOne, coresTwo = coresOne+s.one[i].cores, coresTwo+s.two[i].cores
	}
	rounds := float64(len(s.one))
	ratio := fmt.Sprintf("%.2f", two/one)
	if two < wanted*one {
		ratio = "**" + ratio + "**"
	}
	fmt.Fprintf(&b, "| mean | %.0f | %.0f | %s |\n", one/rounds, two/rounds, ratio)
	fmt.Fprintf(&b, "| processors that each used | %.2f | %.2f | |\n", coresOne/rounds, coresTwo/rounds)
	fmt.Fprintf(&b, "\n%d payments, %d of them asked of both at once and %d again for want of a decision: one decision for each, the same in every answer and in the store; the scorers count %d, and %d to %d would be right.\n",
		len(s.tally.answers), s.tally.both, len(s.tally.again), s.made, s.tally.least(), len(s.tally.answers))
	return b.String()
}
