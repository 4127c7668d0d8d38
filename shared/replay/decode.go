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

// decoded is one line, read as a payment or not.
type decoded struct {
	line int
	err  error
	tx   pix.Transaction
}

// batch is a run of lines on its way through a worker; done is closed when its results are in.
type batch struct {
	lines   [][]byte
	results []decoded
	done    chan struct{}
}

// decodeLines reads lines, decodes them on several goroutines and hands them over in order. It returns after all of its
// goroutines have ended.
func decodeLines(ctx context.Context, log io.Reader, cfg Config, handle func([]decoded) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	work, ordered := make(chan *batch, batchesAhead), make(chan *batch, batchesAhead)
	var readErr error
	wg.Go(func() {
		defer close(work)
		defer close(ordered)
		readErr = readBatches(log, func(b *batch) error { return offer(ctx, b, ordered, work) })
	})
	for range cfg.Workers {
		wg.Go(func() {
			for b := range work {
				b.decode(cfg.Tokenizer)
			}
		})
	}
	err := consume(ctx, ordered, handle)
	cancel()
	for range ordered { // what the reader had on the way
	}
	wg.Wait()
	if err != nil {
		return err
	}
	return readErr
}

func consume(ctx context.Context, ordered <-chan *batch, handle func([]decoded) error) error {
	for b := range ordered {
		select {
		case <-b.done:
		case <-ctx.Done():
			return fmt.Errorf("replay: %w", ctx.Err())
		}
		if err := handle(b.results); err != nil {
			return err
		}
	}
	return nil
}

// offer puts a batch in both queues, or reports that nobody waits for it any more.
func offer(ctx context.Context, b *batch, queues ...chan<- *batch) error {
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
func readBatches(log io.Reader, send func(*batch) error) error {
	in := bufio.NewReaderSize(log, readBuffer)
	b, number := newBatch(), 0
	for {
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLineTooLong) {
			return fmt.Errorf("replay: read log: %w", err)
		}
		number++
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 || errors.Is(err, errLineTooLong) {
			b.lines = append(b.lines, trimmed)
			b.results = append(b.results, decoded{line: number})
		}
		end := errors.Is(err, io.EOF)
		if len(b.lines) == batchLines || end && len(b.lines) > 0 {
			if err := send(b); err != nil {
				return err
			}
			b = newBatch()
		}
		if end {
			return nil
		}
	}
}

func newBatch() *batch {
	return &batch{
		lines: make([][]byte, 0, batchLines), results: make([]decoded, 0, batchLines), done: make(chan struct{}),
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

// decode reads every line of a batch. A payment is judged at the moment it became visible.
func (b *batch) decode(tokenizer *pix.Tokenizer) {
	defer close(b.done)
	for i, line := range b.lines {
		b.results[i].tx, b.results[i].err = decodeLine(line, tokenizer)
	}
}

func decodeLine(line []byte, tokenizer *pix.Tokenizer) (pix.Transaction, error) {
	if line == nil {
		return pix.Transaction{}, errLineTooLong
	}
	s, err := event.DecodeSubmissionJSON(line)
	if err != nil {
		return pix.Transaction{}, err
	}
	tx := tokenizer.Tokenize(&s)
	if err := s.Validate(visibleAt(&tx)); err != nil {
		return pix.Transaction{}, err
	}
	return tx, nil
}
