package order

import (
	"bufio"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sentinela-pix/sentinela/shared/event"
)

const (
	runBuffer  = 64 << 10
	checkEvery = 1 << 12 // records between two looks at the context
)

// writeRun writes records: moment, number, length and one, 0 for a line that was too long, and the line.
func writeRun(ctx context.Context, name string, m *merge) (err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create run: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, runBuffer)
	var head []byte
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // Sort says what was stopped
		}
		r, err := m.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		head = binary.AppendVarint(head[:0], r.at)
		head = binary.AppendUvarint(head, uint64(r.number))
		length := 0
		if r.line != nil {
			length = len(r.line) + 1
		}
		head = binary.AppendUvarint(head, uint64(length))
		_, err = w.Write(head)
		if err == nil {
			_, err = w.Write(r.line)
		}
		if err != nil {
			return fmt.Errorf("write run: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	return nil
}

// reader gives the records of one run.
type reader struct {
	record
	memory []record
	file   *os.File // nil: of memory
	in     *bufio.Reader
}

// advance reads the next record, io.EOF after the last.
func (r *reader) advance() error {
	if r.file == nil {
		if len(r.memory) == 0 {
			return io.EOF
		}
		r.record, r.memory = r.memory[0], r.memory[1:]
		return nil
	}
	at, err := binary.ReadVarint(r.in)
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	number, failed := binary.ReadUvarint(r.in)
	length, torn := binary.ReadUvarint(r.in)
	if err = errors.Join(err, failed, torn); err != nil || length > event.MaxDataBytes+1 {
		return fmt.Errorf("read run: it is damaged: %w", err)
	}
	r.record = record{at: at, number: int(number)}
	if length == 0 {
		return nil
	}
	r.line = make([]byte, length-1)
	if _, err := io.ReadFull(r.in, r.line); err != nil {
		return fmt.Errorf("read run: it is cut short: %w", err)
	}
	return nil
}

// merge gives the records of several runs in order.
type merge struct{ heads readers }

// newMerge opens runs. Of equal moments the line of the smaller number comes first, so it does not matter which run is which.
func newMerge(runs []string, memory []record) (*merge, error) {
	m := &merge{}
	all := make([]*reader, 0, len(runs)+1)
	for _, name := range runs {
		f, err := os.Open(name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open run: %w", err), m.close())
		}
		r := &reader{file: f, in: bufio.NewReaderSize(f, runBuffer)}
		m.heads, all = append(m.heads, r), append(all, r)
	}
	all = append(all, &reader{memory: memory})
	m.heads = m.heads[:0]
	for i, r := range all {
		err := r.advance()
		switch {
		case err == nil:
			m.heads = append(m.heads, r)
		case errors.Is(err, io.EOF):
			err = r.close()
		}
		if err != nil {
			m.heads = append(m.heads, all[i:]...)
			return nil, errors.Join(err, m.close())
		}
	}
	heap.Init(&m.heads)
	return m, nil
}

// next returns the next record, io.EOF after the last. Its line is the caller's to keep.
func (m *merge) next() (record, error) {
	if len(m.heads) == 0 {
		return record{}, io.EOF
	}
	r := m.heads[0]
	head := r.record
	err := r.advance()
	switch {
	case err == nil:
		heap.Fix(&m.heads, 0)
		return head, nil
	case errors.Is(err, io.EOF):
		heap.Pop(&m.heads)
		err = r.close()
	}
	return head, err
}

func (m *merge) close() error {
	var errs []error
	for _, r := range m.heads {
		errs = append(errs, r.close())
	}
	m.heads = nil
	return errors.Join(errs...)
}

func (r *reader) close() error {
	if r.file == nil {
		return nil
	}
	if err := r.file.Close(); err != nil {
		return fmt.Errorf("close run: %w", err)
	}
	return nil
}

// readers is a heap of runs by their next records.
type readers []*reader

// Len implements heap.Interface.
func (r readers) Len() int { return len(r) }

// Less implements heap.Interface.
func (r readers) Less(i, j int) bool { return compare(&r[i].record, &r[j].record) < 0 }

// Swap implements heap.Interface.
func (r readers) Swap(i, j int) { r[i], r[j] = r[j], r[i] }

// Push implements heap.Interface.
func (r *readers) Push(x any) { *r = append(*r, x.(*reader)) } //nolint:forcetypeassert // nothing else is pushed

// Pop implements heap.Interface.
func (r *readers) Pop() any {
	last := len(*r) - 1
	x := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return x
}
