package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config says how to replay. Zero fields take the defaults named beside them.
type Config struct {
	Tokenizer *pix.Tokenizer             // NewTokenizer(): the documented replay key
	Labels    *Labels                    // none
	Statuses  Lines                      // none; in wire JSON
	Sorted    bool                       // no: payments and statuses may be some minutes out of order, and are held as long
	Weights   map[pix.EndToEndID]float64 // sampling weights other than 1
	MaxHeld   int                        // 1,000,000 payments that wait for their moment of arrival
	Workers   int                        // 2 goroutines that decode payments; statuses have one of their own
	Progress  func(Stats)                // not called; otherwise after every 10,000 payments
}

const (
	defaultMaxHeld = 1_000_000
	defaultWorkers = 2
	progressEvery  = 10_000
	maxProblems    = 10
)

// replayKey is the key of every replay. It protects nothing: replays read raw identifiers and write none, and a fixed
// key makes two replays of one log equal. Production keys never come near it.
const replayKey = "sentinela-replay-key-not-a-secret-0001"

// NewTokenizer returns the tokeniser with the fixed replay key, version 1.
func NewTokenizer() (*pix.Tokenizer, error) {
	t, err := pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: []byte(replayKey)}, nil)
	if err != nil {
		return nil, fmt.Errorf("replay tokeniser: %w", err)
	}
	return t, nil
}

// Row is one payment as it would have been served. It is valid until visit returns.
type Row struct {
	Transaction *pix.Transaction
	Label       *pix.Label // the one in force at the end; nil when none was delivered
	Weight      float64    // payments that this one stands for
	Vector      []float64  // in the order of feature.Names
}

// Stats counts what a replay saw.
type Stats struct {
	Events          int // payments that became rows
	Duplicates      int // payments that were served before: like the engine, a replay serves what became visible first
	Labelled        int // rows with a label
	Fraud           int // rows whose label says fraud
	Marks           int // labels that arrived at a payment of the log, while it lasted
	Statuses        int // statuses that arrived at a payment of the log
	Unknown         int // statuses of no payment of the last 31 days of the log
	Unlabelled      int // at the end: payments that labels name and that are not in the log
	Weighted        int // rows with a weight of Config.Weights
	Entities, Known int // at the end: entities with live events, and first-ever facts of others

	Malformed         Malformed // lines that are no valid payment
	MalformedStatuses Malformed // lines that are no valid status
}

// Malformed counts the lines of a file that were left out and keeps the first ones.
type Malformed struct {
	Lines int
	First []Problem // at most 10
}

func (m *Malformed) add(line int, err error) {
	m.Lines++
	if len(m.First) < maxProblems {
		m.First = append(m.First, Problem{Line: line, Err: err})
	}
}

// Problem is a malformed line. Its error never carries the line.
type Problem struct {
	Line int
	Err  error
}

// Run replays a log of payments in wire JSON and calls visit for each. Malformed lines are counted and left out. The log is
// in order of event time or of arrival, statuses are in order of occurredAt, both give or take pix.MaxClockSkew; what is
// further out of order is a DisorderError. Labels may come in any order. All take effect when they arrived.
func Run(ctx context.Context, cfg Config, log Lines, visit func(*Row) error) (Stats, error) {
	player, err := NewPlayer(cfg, visit)
	if err != nil {
		return Stats{}, err
	}
	r := &run{Player: player}
	payments := open(ctx, log, player.cfg.Workers, paymentDecoder(player.cfg.Tokenizer))
	defer payments.close()
	if cfg.Statuses != nil {
		r.file = open(ctx, cfg.Statuses, 1, decodeStatus)
		defer r.file.close()
	}
	for {
		d, err := payments.next(ctx)
		if err != nil {
			return r.stats, err
		}
		if d == nil {
			break
		}
		if err := r.take(ctx, d); err != nil {
			return r.stats, err
		}
	}
	if err := r.follow(ctx, farFuture()); err != nil {
		return r.stats, err
	}
	err = r.End(ctx)
	return r.stats, err
}

// run feeds a Player from files.
type run struct {
	*Player
	file  *source[pix.Status]
	ahead *decoded[pix.Status] // the next status, when it was read already
}

// take plays a payment, after every status that occurred until then.
func (r *run) take(ctx context.Context, d *decoded[pix.Transaction]) error {
	if d.err != nil {
		r.stats.Malformed.add(d.line, d.err)
		return nil //nolint:nilerr // a malformed line is counted and left out; the replay goes on
	}
	until := d.value.EventTime
	if r.cfg.Sorted {
		until = visibleAt(&d.value.Facts)
	}
	if err := r.follow(ctx, until); err != nil {
		return err
	}
	r.payments.line = d.line
	return r.Pay(ctx, &d.value)
}

// follow reads the statuses up to a moment.
func (r *run) follow(ctx context.Context, until time.Time) error {
	for r.file != nil {
		if r.ahead == nil {
			d, err := r.file.next(ctx)
			if err != nil {
				return err
			}
			if r.ahead = d; d == nil {
				return nil
			}
		}
		if r.ahead.err != nil {
			r.stats.MalformedStatuses.add(r.ahead.line, r.ahead.err)
		} else {
			if r.ahead.value.OccurredAt.After(until) {
				return nil
			}
			r.statuses.line = r.ahead.line
			if err := r.Status(ctx, &r.ahead.value); err != nil {
				return err
			}
		}
		r.ahead = nil
	}
	return nil
}

// farFuture is later than anything in a log.
func farFuture() time.Time { return time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC) }
