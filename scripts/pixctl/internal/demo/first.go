package demo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// First returns the command that shows the first decisions: a few of the demo's payments, without a warehouse. It links no
// SQL engine, so that where nothing is compiled yet a person sees decisions minutes earlier.
func First() command.Command {
	return command.Command{
		Name:    "first",
		Summary: "the first decisions, without BigQuery",
		Run: func(ctx context.Context, std command.IO, _ []string) error {
			return preview(ctx, std.Out, options{payments: firstPayments, askRate: 100, seed: 1})
		},
	}
}

// firstPayments are few enough to be decided within seconds and enough to hold a dozen that are not approved.
const firstPayments = 400

// preview decides payments of either entry and says how many came to what. A payment without exactly one decision is an
// error.
func preview(ctx context.Context, out io.Writer, o options) (err error) {
	defer keepRoom()()
	s := newShow(out, o)
	st, err := start(ctx, s.narrator, s.stack(o, io.Discard))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Stop(context.WithoutCancel(ctx))) }()
	p := &performance{show: s, stack: st, options: o}
	if err := p.send(ctx, world.New(p.world())); err != nil {
		return err
	}
	t := s.ledger.tally()
	s.line("%d payments decided: %d approved, %d held, %d blocked, %d rejected", t.decided, t.approved, t.held, t.blocked, t.rejected)
	if t.undecided != 0 || t.duplicated != 0 {
		return fmt.Errorf("of %d payments %d have no decision and %d have two", t.sent, t.undecided, t.duplicated)
	}
	return nil
}
