package demo

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// settle waits until every payment is decided, every invalid record is a dead letter and nothing is on its way, or
// until nothing has moved for stalledAfter.
func (p *performance) settle(ctx context.Context) error {
	moved, before := time.Now(), -1
	for {
		sent, decided, _ := p.show.ledger.progress()
		if decided >= sent && p.show.deadLetters() >= p.options.invalid && p.stack.Outstanding() == 0 {
			return nil
		}
		now := decided + p.show.deadLetters() - p.stack.Outstanding()
		if now != before {
			moved, before = time.Now(), now
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

// reportProgress prints a line each second until it is stopped.
func (p *performance) reportProgress(ctx context.Context) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		_, before, _ := p.show.ledger.progress()
		for {
			select {
			case <-ticker.C:
				sent, decided, notApproved := p.show.ledger.progress()
				p.show.line("%6d sent  %6d decided  %5d not approved  %5.0f/s", sent, decided, notApproved, float64(decided-before)/progressEvery.Seconds())
				before = decided
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
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
	return p.settle(ctx)
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

// countTable counts the rows and the payments of a view.
func (p *performance) countTable(ctx context.Context, view string) (rows, payments int, err error) {
	sql := "SELECT COUNT(*), COUNT(DISTINCT end_to_end_id) FROM `" + p.stack.Reader.Dataset() + "." + view +
		"` WHERE event_time BETWEEN @since AND @until"
	answer, err := p.stack.Reader.Query(ctx, sql, p.window())
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
