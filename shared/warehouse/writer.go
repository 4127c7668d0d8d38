package warehouse

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/bigquery/storage/managedwriter"
	"google.golang.org/protobuf/types/descriptorpb"
)

// writer owns the one stream of a table.
type writer struct {
	src        source
	table      string
	descriptor *descriptorpb.DescriptorProto

	lock    chan struct{} // a mutex that a context can leave: held while the stream is opened or replaced
	current *stream
}

func newWriter(src source, table string, descriptor *descriptorpb.DescriptorProto) *writer {
	return &writer{src: src, table: table, descriptor: descriptor, lock: make(chan struct{}, 1)}
}

// stream is a managed stream and the time for which it serves.
type stream struct {
	managed *managedwriter.ManagedStream
	life    context.Context //nolint:containedctx // the stream's own: the client keeps it as long as the stream
	end     context.CancelFunc
}

// errReplaced is why an append fails whose connection was found stuck by another.
var errReplaced = errors.New("the connection was replaced")

// append sends one batch and waits for its acknowledgement, at most until the stream is replaced: the client would leave
// it waiting.
func (s *stream) append(ctx context.Context, batch []pendingRow) (rejected []int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(errReplaced) })()
	data := make([][]byte, len(batch))
	for i, row := range batch {
		data[i] = row.data
	}
	result, err := s.managed.AppendRows(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("send: %w", cause(ctx, err))
	}
	response, err := result.FullResponse(ctx)
	if err != nil {
		return malformed(response, len(batch)), fmt.Errorf("acknowledge: %w", cause(ctx, err))
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
	if w.current != nil {
		return w.current, nil
	}
	// The client keeps the context that a stream is opened with, so that one must outlive this append; opening itself is
	// still bound by the append's deadline.
	life, end := context.WithCancel(w.src.life)
	keep := context.AfterFunc(ctx, end)
	managed, err := w.src.client.NewManagedStream(life,
		managedwriter.WithDestinationTable(fmt.Sprintf("projects/%s/datasets/%s/tables/%s", w.src.cfg.ProjectID, w.src.cfg.Dataset, w.table)),
		managedwriter.WithType(managedwriter.DefaultStream),
		managedwriter.WithSchemaDescriptor(w.descriptor),
		managedwriter.EnableWriteRetries(true),
	)
	if err != nil {
		end()
		return nil, fmt.Errorf("%w", errors.Join(ctx.Err(), err))
	}
	opened := &stream{managed: managed, life: life, end: end}
	if !keep() {
		opened.close()
		return nil, ctx.Err() //nolint:wrapcheck // append wraps it
	}
	w.current = opened
	w.src.metrics.opened(w.table)
	return opened, nil
}

// retire closes a stream whose append ran into its deadline, so that the next one opens a fresh connection: a connection
// that is stuck never recovers by itself. Other failures are the client's own to repair. Another append may have
// replaced the stream already.
func (w *writer) retire(s *stream) {
	w.lock <- struct{}{}
	defer func() { <-w.lock }()
	if w.current == s {
		w.current = nil
		s.close()
	}
}

// close ends the stream, if there is one.
func (w *writer) close() {
	w.lock <- struct{}{}
	defer func() { <-w.lock }()
	if w.current != nil {
		w.current.close()
		w.current = nil
	}
}

// close ends the stream and the appends that wait on it. The client reports io.EOF, whatever happened.
func (s *stream) close() {
	s.end()
	_ = s.managed.Close()
}
