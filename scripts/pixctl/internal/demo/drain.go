package demo

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// drain waits until every payment is decided, every invalid record is a dead letter and nothing is on its way, or
// until nothing has moved for stalledAfter.
func (p *performance) drain(ctx context.Context) error {
	moved, most, least := time.Now(), -1, math.MaxInt
	for {
		sent, decided, _ := p.show.ledger.progress()
		buried, outstanding := p.show.deadLetters(), p.stack.Outstanding()
		if decided >= sent && buried >= p.options.invalid && outstanding == 0 {
			return nil
		}
		if decided+buried > most || outstanding < least { // a message that comes again and again is no progress
			moved, most, least = time.Now(), max(most, decided+buried), min(least, outstanding)
		}
		if time.Since(moved) > stalledAfter {
			p.show.line("nothing has moved for %s: what is missing counts as lost", stalledAfter)
			return nil
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// progress is where the payments are.
func (p *performance) progress() string {
	sent, decided, notApproved := p.show.ledger.progress()
	return fmt.Sprintf("%6d of %d sent  %6d decided  %5d not approved", sent, p.made.Load(), decided, notApproved)
}

// watched does a step in which payments are decided.
func (p *performance) watched(ctx context.Context, what string, step func(context.Context) error) error {
	if err := (patience{out: p.show.narrator, what: what, limit: stalledLimit, where: p.progress}.run(ctx, step)); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// label publishes what has become known until now of the payments that were sent; later reports have not arrived yet.
func (p *performance) label(ctx context.Context) error {
	now, published := time.Now(), 0
	for i := range p.labels {
		if p.labels[i].ArrivedAt.After(now) {
			continue
		}
		e, err := event.EncodeLabel(&p.labels[i])
		if err != nil {
			return fmt.Errorf("encode label: %w", err)
		}
		if err := p.stack.Bus.Publish(ctx, stack.LabelsTopic, e); err != nil {
			return fmt.Errorf("publish label: %w", err)
		}
		published++
	}
	p.show.line("the fraud desk and MED: %d labels have arrived so far, %d will come later", published, len(p.labels)-published)
	return p.drain(ctx)
}

// count asks BigQuery what arrived there.
func (p *performance) count(ctx context.Context) error {
	rows, distinct, err := p.countTable(ctx, "decisions_latest")
	if err != nil {
		return err
	}
	p.auditRows, p.auditedTwice = distinct, rows-distinct
	_, p.alerts, err = p.countTable(ctx, "alerts_latest")
	return err
}

// export brings everything to the lake and counts what is there.
func (p *performance) export(ctx context.Context) error {
	began := time.Now()
	step := func(ctx context.Context) error {
		if err := p.stack.Export(ctx); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		for {
			if p.stack.Outstanding() == 0 { // also before the tick is pulled; while it is worked on, nobody reads beside it
				var err error
				if p.exported, err = p.stack.Exported(ctx); err != nil {
					return fmt.Errorf("export: %w", err)
				}
				if p.exported["decisions"] >= int64(p.auditRows) && p.stack.Outstanding() == 0 {
					return nil
				}
			}
			if err := wait(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	if err := p.watched(ctx, "the export to the lake", step); err != nil {
		return err
	}
	p.show.line("exported to the lake (%.1f s): %s", time.Since(began).Seconds(), p.stack.LakePlace)
	return nil
}

// query asks BigQuery one question.
func (p *performance) query(ctx context.Context, name, sql string, params map[string]any) (warehouse.Answer, error) {
	answers := make(chan warehouse.Answer, 1)
	err := patience{out: p.show.narrator, what: "BigQuery, " + name, limit: queryLimit}.run(ctx, func(ctx context.Context) error {
		answer, err := p.stack.Reader.Query(ctx, sql, params)
		answers <- answer
		return err
	})
	if err != nil {
		return warehouse.Answer{}, err
	}
	return <-answers, nil
}

// countTable counts the rows and the payments of a view.
func (p *performance) countTable(ctx context.Context, view string) (rows, payments int, err error) {
	sql := "SELECT COUNT(*), COUNT(DISTINCT end_to_end_id) FROM `" + p.stack.Reader.Dataset() + "." + view +
		"` WHERE event_time BETWEEN @since AND @until"
	answer, err := p.query(ctx, view, sql, p.window())
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", view, err)
	}
	if len(answer.Rows) != 1 {
		return 0, 0, fmt.Errorf("%s: %d rows instead of one", view, len(answer.Rows))
	}
	if rows, err = strconv.Atoi(answer.Rows[0][0]); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", view, err)
	}
	if payments, err = strconv.Atoi(answer.Rows[0][1]); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", view, err)
	}
	return rows, payments, nil
}

// window is the partition filter over everything that was sent.
func (p *performance) window() map[string]any {
	return map[string]any{"since": p.since, "until": p.until}
}
