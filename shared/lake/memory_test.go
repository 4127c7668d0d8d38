package lake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

// memory is a store whose listings begin at their offset, as those of a bucket do.
type memory struct {
	mu    sync.Mutex
	names []string // sorted
	data  map[string]stored
	now   func() time.Time
	count int64
}

type stored struct {
	bytes      []byte
	updated    time.Time
	generation int64
}

func newMemory() *memory { return &memory{data: map[string]stored{}, now: time.Now} }

func (m *memory) put(name string, data []byte, absent bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.data[name]; ok {
		if absent {
			return lake.ErrExists
		}
	} else {
		i := sort.SearchStrings(m.names, name)
		m.names = slices.Insert(m.names, i, name)
	}
	m.count++
	m.data[name] = stored{bytes.Clone(data), m.now(), m.count}
	return nil
}

func (m *memory) Create(ctx context.Context, name string, data []byte) error {
	return errors.Join(ctx.Err(), m.put(name, data, true))
}

func (m *memory) Replace(_ context.Context, name string, data []byte) error {
	return m.put(name, data, false)
}

func (m *memory) Writer(ctx context.Context, name string) (io.WriteCloser, error) {
	return &memoryWriter{ctx: ctx, m: m, name: name}, nil
}

type memoryWriter struct {
	ctx  context.Context //nolint:containedctx // its end means that the object is given up
	m    *memory
	name string
	bytes.Buffer
}

func (w *memoryWriter) Close() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	return w.m.put(w.name, w.Bytes(), true)
}

func (m *memory) get(name string) (stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.data[name]
	if !ok {
		return o, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return o, nil
}

func (m *memory) Read(_ context.Context, name string, off, n int64) ([]byte, error) {
	o, err := m.get(name)
	if err != nil {
		return nil, err
	}
	rest := o.bytes[min(off, int64(len(o.bytes))):]
	if n >= 0 && n < int64(len(rest)) {
		rest = rest[:n]
	}
	return bytes.Clone(rest), nil
}

func (m *memory) Stat(_ context.Context, name string) (lake.Object, error) {
	o, err := m.get(name)
	return lake.Object{Name: name, Size: int64(len(o.bytes)), Updated: o.updated, Generation: o.generation}, err
}

func (m *memory) List(ctx context.Context, prefix, from string) iter.Seq2[lake.Object, error] {
	return func(yield func(lake.Object, error) bool) {
		m.mu.Lock()
		names := slices.Clone(m.names[sort.SearchStrings(m.names, max(prefix, from)):])
		m.mu.Unlock()
		for _, name := range names {
			if !strings.HasPrefix(name, prefix) {
				if name > prefix {
					return
				}
				continue
			}
			o, err := m.Stat(ctx, name)
			if err == nil && !yield(o, nil) {
				return
			}
		}
	}
}

func (m *memory) Delete(_ context.Context, o lake.Object) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.data[o.Name]; !ok || s.generation != o.Generation {
		return nil
	}
	delete(m.data, o.Name)
	i := sort.SearchStrings(m.names, o.Name)
	m.names = slices.Delete(m.names, i, i+1)
	return nil
}

// under calls around for every operation of a store: it decides whether the operation is carried out and what is said.
type under struct {
	lake.Objects
	around func(op, name string, do func() error) error
}

func (u *under) Create(ctx context.Context, name string, data []byte) error {
	return u.around("create", name, func() error { return u.Objects.Create(ctx, name, data) })
}

func (u *under) Replace(ctx context.Context, name string, data []byte) error {
	return u.around("replace", name, func() error { return u.Objects.Replace(ctx, name, data) })
}

func (u *under) Delete(ctx context.Context, o lake.Object) error {
	return u.around("delete", o.Name, func() error { return u.Objects.Delete(ctx, o) })
}

func (u *under) Read(ctx context.Context, name string, off, n int64) (data []byte, err error) {
	err = u.around("read", name, func() error { data, err = u.Objects.Read(ctx, name, off, n); return err })
	return data, err
}

func (u *under) Stat(ctx context.Context, name string) (o lake.Object, err error) {
	err = u.around("stat", name, func() error { o, err = u.Objects.Stat(ctx, name); return err })
	return o, err
}

func (u *under) List(ctx context.Context, prefix, from string) iter.Seq2[lake.Object, error] {
	return func(yield func(lake.Object, error) bool) {
		if err := u.around("list", prefix, func() error { return nil }); err != nil {
			yield(lake.Object{}, err)
			return
		}
		u.Objects.List(ctx, prefix, from)(yield)
	}
}

func (u *under) Writer(ctx context.Context, name string) (io.WriteCloser, error) {
	w, err := u.Objects.Writer(ctx, name)
	return &underWriter{w, u, name}, err
}

type underWriter struct {
	io.WriteCloser
	u    *under
	name string
}

func (w *underWriter) Write(p []byte) (n int, err error) {
	err = w.u.around("write", w.name, func() error { n, err = w.WriteCloser.Write(p); return err })
	return n, err
}

func (w *underWriter) Close() error { return w.u.around("close", w.name, w.WriteCloser.Close) }
