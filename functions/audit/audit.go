package audit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Name is the function's name in FUNCTION_TARGET, logs and metrics.
const Name = "audit"

// Warehouse takes decisions and returns once the row is acknowledged.
type Warehouse interface {
	AppendDecision(ctx context.Context, d *pix.Decision) error
}

// Deps are the function's ports.
type Deps struct {
	Warehouse Warehouse
	Push      push.Deps
}

// New returns the endpoint that takes pushed decisions.
func New(d Deps) (http.Handler, error) {
	if d.Warehouse == nil {
		return nil, errors.New("audit: a warehouse is required")
	}
	if d.Push.Clock == nil {
		d.Push.Clock = time.Now
	}
	f := function{Deps: d, age: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "pix_audit_row_age_seconds", Buckets: obs.AgeBuckets(),
		Help: "From a live payment's arrival, by a server's clock, to its decision's row being acknowledged. Where nobody knows how long " +
			"a payment waited before Pub/Sub it counts from there, and over HTTP from the scorer.",
	})}
	if d.Push.Metrics != nil {
		if err := d.Push.Metrics.Register(f.age); err != nil {
			return nil, fmt.Errorf("audit: register metrics: %w", err)
		}
	}
	h, err := push.New(push.Function[*pix.Decision]{
		Name:   Name,
		Decode: decode,
		Encode: event.EncodeDecision,
		Handle: f.handle,
	}, d.Push)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return h, nil
}

type function struct {
	Deps
	age prometheus.Histogram
}

// handle writes the row, and notes how long all of it took since the payment came. A replay came at no time that says
// anything.
func (f function) handle(ctx context.Context, d *pix.Decision) error {
	if err := f.Warehouse.AppendDecision(ctx, d); err != nil {
		return fmt.Errorf("write decision: %w", err)
	}
	if arrived := d.Transaction.ReceivedAt; !arrived.IsZero() && !d.Replayed() {
		f.age.Observe(max(f.Push.Clock().Sub(arrived), 0).Seconds())
	}
	return nil
}

func decode(e event.Envelope, now time.Time) (*pix.Decision, error) {
	d, err := event.DecodeDecision(e, now)
	return &d, err
}
