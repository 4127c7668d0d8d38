package export

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Name is the function's name in FUNCTION_TARGET, logs and metrics.
const Name = "export"

// AppID is the application of the lake's transactions: their versions are the ends of slices in microseconds.
const AppID = "sentinela-export"

// Source is the warehouse. *warehouse.Extract is one.
type Source interface {
	Count(ctx context.Context, table string, since, from, end, ahead int64) (warehouse.Counts, error)
	Rows(ctx context.Context, table string, s warehouse.Slice) iter.Seq2[[]lake.Value, error]
	Decided(ctx context.Context, from, until time.Time) (int64, error)
}

// Storage gives the storage of a table of the lake. *lake.Location is one.
type Storage interface {
	Table(name string) (lake.Objects, error)
}

// Deps are the function's ports.
type Deps struct {
	Source Source
	Lake   Storage
	Margin time.Duration // how old a stamp must be that no row with it is on its way
	Push   push.Deps
}

// New returns the endpoint that takes pushed ticks.
func New(d Deps) (http.Handler, error) {
	if d.Source == nil || d.Lake == nil || d.Margin <= 0 {
		return nil, errors.New("export: a source, a lake and the margin of stamps are required")
	}
	if d.Push.Clock == nil {
		d.Push.Clock = time.Now
	}
	m, err := newMetrics(d.Push.Metrics)
	if err != nil {
		return nil, err
	}
	f := function{Deps: d, metrics: m}
	h, err := push.New(push.Function[*event.ExportTick]{
		Name:   Name,
		Decode: decode,
		Encode: event.EncodeExportTick,
		Handle: f.handle,
	}, d.Push)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return h, nil
}

type function struct {
	Deps
	metrics *metrics
}

// handle exports each table for itself: what one cannot do does not keep the others.
func (f function) handle(ctx context.Context, tick *event.ExportTick) error {
	var failures []error
	for _, name := range warehouse.Tables() {
		if len(tick.Tables) > 0 && !slices.Contains(tick.Tables, name) {
			continue
		}
		if err := f.export(ctx, name); err != nil {
			f.metrics.failures.WithLabelValues(name).Inc()
			f.Push.Logger.ErrorContext(ctx, "table not exported", "table", name, "error", err.Error())
			failures = append(failures, pix.E(retried(err), "export "+name, err))
		}
	}
	f.reconcile(ctx, tick)
	return errors.Join(failures...)
}

// retried is the kind of a failure of one table. A table that somebody must mend says so with every tick: the tick itself is
// sound and no dead letter.
func retried(err error) pix.Kind {
	if kind := pix.KindOf(err); !kind.Disposition().DeadLetter {
		return kind
	}
	return pix.Unavailable
}

func decode(e event.Envelope, _ time.Time) (*event.ExportTick, error) {
	t, err := event.DecodeExportTick(e)
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	for _, name := range t.Tables {
		if !slices.Contains(warehouse.Tables(), name) {
			return nil, pix.E(pix.Invalid, "decode export tick", errors.New("tables: names one that is not exported"))
		}
	}
	return &t, nil
}
