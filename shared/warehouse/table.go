package warehouse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	spancodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// source is what every table of one warehouse shares.
type source struct {
	life    context.Context //nolint:containedctx // bounds the streams, which outlive the append that opens one
	connect func(life context.Context) (*managedwriter.Client, error)
	gaveUp  func() // counts a connection that did not answer
	cfg     Config
	metrics *metrics
}

// table encodes values of T and appends them to one BigQuery table.
type table[T any] struct {
	name    string
	columns []column[T]
	group   *group
	writer  *writer
}

func newTable[T any](src source, name string, columns []column[T]) (*table[T], error) {
	schema, err := Schema(name)
	if err != nil {
		return nil, err
	}
	if err := check(name, schema, columns); err != nil {
		return nil, err
	}
	descriptor, err := describe(name, schema)
	if err != nil {
		return nil, err
	}
	w, err := newWriter(src, name, descriptor)
	if err != nil {
		return nil, err
	}
	return &table[T]{name: name, columns: columns, writer: w, group: newGroup(src.life, src.cfg.Linger, w.send)}, nil
}

// append encodes v and returns once its row is acknowledged.
func (t *table[T]) append(ctx context.Context, v *T, id pix.EndToEndID, eventTime time.Time) error {
	op := "append to " + t.name
	if id == "" || eventTime.IsZero() {
		return pix.E(pix.Invalid, op, errors.New("a row needs an EndToEndId and an event time"))
	}
	row := encode(make([]byte, 0, rowCapacity), t.columns, v)
	if len(row) > maxRowBytes {
		return pix.E(pix.TooLarge, op, fmt.Errorf("row of %d bytes, at most %d fit", len(row), maxRowBytes))
	}
	ctx, span := obs.Start(ctx, op, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	err := t.group.append(ctx, row)
	if err != nil {
		span.SetStatus(spancodes.Error, kindOf(err).String())
	}
	return pix.E(kindOf(err), op, err)
}

// rowCapacity fits an ordinary decision, so that encoding one allocates once.
const rowCapacity = 4 << 10

// close drains the group and closes the stream. It accepts a table that was never opened.
func (t *table[T]) close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	drained := t.group.close(ctx)
	if err := errors.Join(drained, t.writer.close()); err != nil {
		return fmt.Errorf("close %s: %w", t.name, err)
	}
	return nil
}

// kindOf maps what an append can end in. Only the rows that BigQuery names as malformed are permanent failures: a
// missing table or right is a fault of the deployment, and the rows wait for its repair.
func kindOf(err error) pix.Kind {
	var known *pix.Error
	switch {
	case errors.As(err, &known):
		return known.Kind
	case errors.Is(err, context.DeadlineExceeded), status.Code(err) == codes.DeadlineExceeded:
		return pix.Timeout
	case errors.Is(err, context.Canceled):
		return pix.Cancelled
	default:
		return pix.Unavailable
	}
}

// send appends a batch and answers each of its rows. Rows that BigQuery refuses by name fail alone: an append is all or
// nothing, so the others go again without them.
func (w *writer) send(ctx context.Context, batch []pendingRow) {
	ctx, span := obs.StartBatch(ctx, "append rows to "+w.table, spansOf(batch), trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	rejected, err := w.append(ctx, batch)
	if len(rejected) == 0 {
		answer(batch, err)
		return
	}
	rest := make([]pendingRow, 0, len(batch))
	for i, row := range batch {
		if slices.Contains(rejected, i) {
			row.done <- pix.E(pix.Invalid, "write row", errRejected)
			continue
		}
		rest = append(rest, row)
	}
	if len(rest) > 0 {
		_, err = w.append(ctx, rest)
		answer(rest, err)
	}
}

func spansOf(batch []pendingRow) iter.Seq[trace.Span] {
	return func(yield func(trace.Span) bool) {
		for i := range batch {
			if !yield(batch[i].span) {
				return
			}
		}
	}
}

// errRejected hides BigQuery's own text, which may quote the value that it refused.
var errRejected = errors.New("BigQuery refused the row")

func answer(batch []pendingRow, err error) {
	for _, row := range batch {
		row.done <- err
	}
}

// append sends one batch on the shared stream and waits for its acknowledgement. Its rows bear the moment at which its time
// began to run.
func (w *writer) append(ctx context.Context, batch []pendingRow) (rejected []int, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.src.cfg.AppendTimeout)
	defer cancel()
	start := time.Now()
	defer func() { w.src.metrics.appended(ctx, appended{w.table, batch, start}, err) }()
	s, err := w.stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	rejected, err = s.append(ctx, stamped(batch, w.stamp, start))
	if errors.Is(err, context.DeadlineExceeded) {
		w.retire(s)
	}
	return rejected, err
}

// malformed lists the rows of the batch that the response names as the cause.
func malformed(response *storagepb.AppendRowsResponse, rows int) []int {
	var list []int
	for _, e := range response.GetRowErrors() {
		if i := int(e.GetIndex()); i >= 0 && i < rows {
			list = append(list, i)
		}
	}
	return list
}
