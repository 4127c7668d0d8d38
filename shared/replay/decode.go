package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	batchLines   = 128
	batchesAhead = 4
)

// decoded is one line, read as a T or not.
type decoded[T any] struct {
	line  int
	err   error
	value T
}

// batch is a run of lines on its way through a worker; done is closed when its results are in.
type batch[T any] struct {
	lines   [][]byte
	results []decoded[T]
	done    chan struct{}
}

// source reads lines, decodes them on several goroutines and hands them over in order. close must be called: it ends the
// goroutines and waits for them.
type source[T any] struct {
	ordered chan *batch[T]
	stop    context.CancelFunc
	ended   sync.WaitGroup
	failed  error // of reading, known once ordered is closed
	current []decoded[T]
}

// open starts reading a log.
func open[T any](ctx context.Context, log Lines, workers int, decode func([]byte) (T, error)) *source[T] {
	ctx, stop := context.WithCancel(ctx)
	s := &source[T]{ordered: make(chan *batch[T], batchesAhead), stop: stop}
	work := make(chan *batch[T], batchesAhead)
	s.ended.Go(func() {
		defer close(work)
		defer close(s.ordered)
		s.failed = readBatches(log, func(b *batch[T]) error { return offer(ctx, b, s.ordered, work) })
	})
	for range workers {
		s.ended.Go(func() {
			for b := range work {
				b.decode(decode)
			}
		})
	}
	return s
}

// next returns the next line, nil at the end.
func (s *source[T]) next(ctx context.Context) (*decoded[T], error) {
	for len(s.current) == 0 {
		select {
		case b, more := <-s.ordered:
			if !more {
				return nil, s.failed
			}
			select {
			case <-b.done:
				s.current = b.results
			case <-ctx.Done():
				return nil, fmt.Errorf("replay: %w", ctx.Err())
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("replay: %w", ctx.Err())
		}
	}
	d := &s.current[0]
	s.current = s.current[1:]
	return d, nil
}

// close ends the goroutines.
func (s *source[T]) close() {
	s.stop()
	for range s.ordered { // what the reader had on the way
	}
	s.ended.Wait()
}

// offer puts a batch in both queues, or reports that nobody waits for it any more.
func offer[T any](ctx context.Context, b *batch[T], queues ...chan<- *batch[T]) error {
	for _, q := range queues {
		select {
		case q <- b:
		case <-ctx.Done():
			return fmt.Errorf("replay: %w", ctx.Err())
		}
	}
	return nil
}

// readBatches takes lines together, so that workers are not asked for each.
func readBatches[T any](log Lines, send func(*batch[T]) error) error {
	b := newBatch[T]()
	for {
		line, number, err := log.Next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return fmt.Errorf("replay: read log: %w", err)
		}
		if !end {
			b.lines = append(b.lines, line)
			b.results = append(b.results, decoded[T]{line: number})
		}
		if len(b.lines) == batchLines || end && len(b.lines) > 0 {
			if err := send(b); err != nil {
				return err
			}
			b = newBatch[T]()
		}
		if end {
			return nil
		}
	}
}

func newBatch[T any]() *batch[T] {
	return &batch[T]{
		lines: make([][]byte, 0, batchLines), results: make([]decoded[T], 0, batchLines), done: make(chan struct{}),
	}
}

func (b *batch[T]) decode(decode func([]byte) (T, error)) {
	defer close(b.done)
	for i, line := range b.lines {
		if line == nil {
			b.results[i].err = errLineTooLong
			continue
		}
		b.results[i].value, b.results[i].err = decode(line)
	}
}

// paymentDecoder reads payments in either form: with raw identifiers, as they were sent, or with tokens, as the lake keeps
// them. A payment is judged at the moment it became visible, which only the payment itself says.
func paymentDecoder(tokenizer *pix.Tokenizer) func([]byte) (pix.Transaction, error) {
	return func(line []byte) (pix.Transaction, error) {
		c, tokens, err := event.DecodeCarriedJSON(line)
		if err != nil {
			return pix.Transaction{}, err
		}
		if tokens {
			tx := c.Transaction()
			return tx, tx.Validate(visibleAt(&tx.Facts))
		}
		return tokenizer.Tokenize(&c.Submission), c.Validate(visibleAt(&c.Facts))
	}
}

// decodeStatus reads a status. A log has no present, so that none of its statuses lies in the future.
func decodeStatus(line []byte) (pix.Status, error) {
	return event.DecodeStatus(event.Envelope{Data: line}, farFuture())
}
