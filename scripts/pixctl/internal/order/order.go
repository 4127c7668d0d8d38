package order

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// Source gives lines with their numbers, as replay.Lines does; a nil line was too long to be read.
type Source interface {
	Next() (line []byte, number int, err error)
}

// Options bound a sort. Zero fields take the defaults named beside them.
type Options struct {
	Dir    string         // the system's temporary directory; holds another directory while the sort lasts
	Room   int            // 64 MiB of lines in memory
	FanIn  int            // 32 runs read at once, at least 2
	Report func(read int) // not called; otherwise with the number of lines at the end of every run
}

const (
	defaultRoom  = 64 << 20
	defaultFanIn = 32
	lineCost     = 64 // bytes that a line costs beside its own
)

// record is a line on its way.
type record struct {
	at     int64
	number int
	line   []byte
}

func compare(a, b *record) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.number, b.number))
}

// Lines are the lines of a source in order of their moments. Close must be called.
type Lines struct {
	opts   Options
	dir    string // empty until the first run
	made   int
	runs   []string // those that are not merged yet, oldest lines first
	memory []record // the last run, or all there is
	merge  *merge
}

// Sort reads all of in. A line of which moment fails comes first: whoever reads it says what is wrong with it.
func Sort(ctx context.Context, in Source, moment func(line []byte) (int64, error), opts Options) (*Lines, error) {
	opts.Room, opts.FanIn = cmp.Or(opts.Room, defaultRoom), max(cmp.Or(opts.FanIn, defaultFanIn), 2)
	l := &Lines{opts: opts}
	err := l.read(ctx, in, moment)
	if err == nil {
		err = l.reduce(ctx)
	}
	if err == nil {
		l.merge, err = newMerge(l.runs, l.memory)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sort: %w", err), l.Close())
	}
	return l, nil
}

// Next implements replay.Lines.
func (l *Lines) Next() ([]byte, int, error) {
	r, err := l.merge.next()
	if err != nil {
		return nil, 0, err
	}
	return r.line, r.number, nil
}

// Close removes what the sort keeps on disk.
func (l *Lines) Close() error {
	var err error
	if l.merge != nil {
		err = l.merge.close()
	}
	if l.dir != "" {
		err = errors.Join(err, os.RemoveAll(l.dir))
	}
	if err != nil {
		return fmt.Errorf("sort: %w", err)
	}
	return nil
}

// read fills runs. The last one stays in memory.
func (l *Lines) read(ctx context.Context, in Source, moment func([]byte) (int64, error)) error {
	size := 0
	for read := 1; ; read++ {
		line, number, err := in.Next()
		if errors.Is(err, io.EOF) {
			sortRecords(l.memory)
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err //nolint:wrapcheck // Sort says what was stopped
		}
		at := int64(math.MinInt64)
		if line != nil {
			if found, bad := moment(line); bad == nil {
				at = found
			}
		}
		l.memory = append(l.memory, record{at, number, line})
		if size += len(line) + lineCost; size < l.opts.Room {
			continue
		}
		if err := l.spill(ctx); err != nil {
			return err
		}
		size = 0
		if l.opts.Report != nil {
			l.opts.Report(read)
		}
	}
}

func sortRecords(list []record) {
	slices.SortFunc(list, func(a, b record) int { return compare(&a, &b) })
}

// spill writes what is in memory as a run.
func (l *Lines) spill(ctx context.Context) error {
	sortRecords(l.memory)
	m, err := newMerge(nil, l.memory)
	if err != nil {
		return err
	}
	name, err := l.write(ctx, m)
	if err != nil {
		return err
	}
	l.runs = append(l.runs, name)
	clear(l.memory)
	l.memory = l.memory[:0]
	return nil
}

// reduce merges the oldest runs until all that are left may be read at once. Each is read about as often as the next.
func (l *Lines) reduce(ctx context.Context) error {
	for len(l.runs) > l.opts.FanIn {
		n := min(l.opts.FanIn, len(l.runs)-l.opts.FanIn+1)
		m, err := newMerge(l.runs[:n], nil)
		if err != nil {
			return err
		}
		name, err := l.write(ctx, m)
		if err = errors.Join(err, m.close()); err != nil {
			return err
		}
		for _, merged := range l.runs[:n] {
			if err := os.Remove(merged); err != nil {
				return fmt.Errorf("remove run: %w", err)
			}
		}
		l.runs = append(l.runs[n:], name)
	}
	return nil
}

// write makes a run of what a merge gives and returns its name.
func (l *Lines) write(ctx context.Context, m *merge) (string, error) {
	if l.dir == "" {
		dir, err := os.MkdirTemp(l.opts.Dir, "pixctl-sort-")
		if err != nil {
			return "", fmt.Errorf("create directory of runs: %w", err)
		}
		l.dir = dir
	}
	l.made++
	name := filepath.Join(l.dir, fmt.Sprintf("run-%06d", l.made))
	return name, writeRun(ctx, name, m)
}
