package replay

import (
	"bufio"
	"bytes"
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
	readBuffer   = 1 << 20
)

var errLineTooLong = errors.New("line is longer than a message may be")

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
func open[T any](ctx context.Context, log io.Reader, workers int, decode func([]byte) (T, error)) *source[T] {
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

// readBatches cuts the log into lines. Empty lines are skipped, overlong ones are marked by a nil line.
func readBatches[T any](log io.Reader, send func(*batch[T]) error) error {
	in := bufio.NewReaderSize(log, readBuffer)
	b, number := newBatch[T](), 0
	for {
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLineTooLong) {
			return fmt.Errorf("replay: read log: %w", err)
		}
		number++
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 || errors.Is(err, errLineTooLong) {
			b.lines = append(b.lines, trimmed)
			b.results = append(b.results, decoded[T]{line: number})
		}
		end := errors.Is(err, io.EOF)
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

// readLine returns a copy of the next line. Of a line longer than a message may be it returns nothing but
// errLineTooLong, having skipped it without keeping it.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := in.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > event.MaxDataBytes; tooLong {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case tooLong && (err == nil || errors.Is(err, io.EOF)):
			return nil, errLineTooLong
		case errors.Is(err, io.EOF):
			return line, io.EOF
		case err != nil:
			return nil, fmt.Errorf("read line: %w", err)
		default:
			return line, nil
		}
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
	decoder := event.Decoder{Tokenizer: tokenizer}
	return func(line []byte) (pix.Transaction, error) {
		tx, err := decoder.Transaction(event.Envelope{Data: line}, farFuture())
		if err != nil {
			return pix.Transaction{}, err
		}
		return tx, tx.Validate(visibleAt(&tx))
	}
}

// decodeStatus reads a status. A log has no present, so that none of its statuses lies in the future.
func decodeStatus(line []byte) (pix.Status, error) {
	return event.DecodeStatus(event.Envelope{Data: line}, farFuture())
}
