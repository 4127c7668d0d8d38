package warehouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/bigquery/storage/managedwriter"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/descriptorpb"
)

// writer owns the one stream of a table.
type writer struct {
	src        source
	table      string
	descriptor *descriptorpb.DescriptorProto
	stamp      protowire.Number // the field of stampColumn

	lock    chan struct{} // a mutex that a context can leave: held while a stream is opened
	current atomic.Pointer[stream]
	retired sync.WaitGroup // streams that are being closed
}

// newWriter connects, so that a process without credentials does not start.
func newWriter(src source, table string, descriptor *descriptorpb.DescriptorProto) (*writer, error) {
	w := &writer{src: src, table: table, descriptor: descriptor, stamp: protowire.Number(len(descriptor.GetField())), lock: make(chan struct{}, 1)}
	s, err := w.connect()
	if err != nil {
		return nil, err
	}
	w.current.Store(s)
	return w, nil
}

// stream is a managed stream with a client of its own: the client holds its locks while it sends and while it opens a
// stream, and only the end of the whole client frees them. So a stuck stream takes nothing down with it.
type stream struct {
	client  *managedwriter.Client
	managed *managedwriter.ManagedStream // nil until the first append opens it
	life    context.Context              //nolint:containedctx // the client keeps it
	end     context.CancelFunc
}

// connect makes a client. It does not wait for the network.
func (w *writer) connect() (*stream, error) {
	life, end := context.WithCancel(w.src.life)
	client, err := w.src.connect(life)
	if err != nil {
		end()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &stream{client: client, life: life, end: end}, nil
}

// errReplaced is why an append fails whose connection was found stuck by another.
var errReplaced = errors.New("the connection was replaced")

// append sends one batch and waits for its acknowledgement, at most until the stream is replaced: the client would leave
// it waiting.
func (s *stream) append(ctx context.Context, rows [][]byte) (rejected []int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(errReplaced) })()
	result, err := s.managed.AppendRows(ctx, rows)
	if err != nil {
		return nil, fmt.Errorf("send: %w", cause(ctx, err))
	}
	response, err := result.FullResponse(ctx)
	if err != nil {
		return malformed(response, len(rows)), fmt.Errorf("acknowledge: %w", cause(ctx, err))
	}
	return nil, nil
}

// cause says why ctx ended, when that is what err reports.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil && errors.Is(err, context.Canceled) {
		return c //nolint:wrapcheck // append wraps it
	}
	return err
}

// stream returns the stream, opening it when there is none.
func (w *writer) stream(ctx context.Context) (*stream, error) {
	select {
	case w.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // append wraps it
	}
	defer func() { <-w.lock }()
	s := w.current.Load()
	if s == nil {
		var err error
		if s, err = w.connect(); err != nil {
			return nil, err
		}
		w.current.Store(s)
	}
	if s.managed != nil {
		return s, nil
	}
	return s, w.open(ctx, s)
}

// open opens the managed stream. The client keeps the context that a stream is opened with, so that one must outlive this
// append; opening itself is still bound by the append's deadline.
func (w *writer) open(ctx context.Context, s *stream) error {
	keep := context.AfterFunc(ctx, s.end)
	managed, err := s.client.NewManagedStream(s.life,
		managedwriter.WithDestinationTable(fmt.Sprintf("projects/%s/datasets/%s/tables/%s", w.src.cfg.ProjectID, w.src.cfg.Dataset, w.table)),
		managedwriter.WithType(managedwriter.DefaultStream),
		managedwriter.WithSchemaDescriptor(w.descriptor),
		managedwriter.EnableWriteRetries(true),
	)
	s.managed = managed
	if !keep() {
		w.retire(s)
		return ctx.Err() //nolint:wrapcheck // append wraps it
	}
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	w.src.metrics.opened(w.table)
	return nil
}

// retire gives up a stream whose append ran into its deadline, so that the next one opens a fresh one on a fresh
// connection: one that is stuck never recovers by itself. Other failures are the client's own to repair. Another append
// may have retired the stream already. Nobody waits for the farewell of what is stuck but close.
func (w *writer) retire(s *stream) {
	if w.current.CompareAndSwap(s, nil) {
		w.src.gaveUp()
		w.retired.Go(func() { _ = s.close() })
	}
}

// close ends the stream, if there is one. No append may be running.
func (w *writer) close() error {
	var err error
	if s := w.current.Swap(nil); s != nil {
		err = s.close()
	}
	w.retired.Wait()
	return err
}

// close ends the stream and the appends that wait on it.
func (s *stream) close() error {
	s.end()
	if s.managed != nil {
		_ = s.managed.Close() // it reports io.EOF, whatever happened
	}
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close client: %w", err)
	}
	return nil
}
