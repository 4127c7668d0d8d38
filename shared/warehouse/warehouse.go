package warehouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/bigquery/storage/managedwriter"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/conn"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config says where the rows go and how appends are bounded. The zero value of every bound means its default.
type Config struct {
	ProjectID string
	Dataset   string
	// Linger is how long the first row of an append waits for company, 100 ms by default. It is the price in latency
	// of group commit when traffic is thin.
	Linger time.Duration
	// AppendTimeout bounds one append with the client's own retries, 10 s by default, 5 min at most.
	AppendTimeout time.Duration
	// Metrics receives pix_warehouse_*; nil means none.
	Metrics prometheus.Registerer
}

const defaultLinger = 100 * time.Millisecond

// DefaultAppendTimeout is the longest append of a configuration that says nothing else: so old must a stamp be where one clock
// is all there is.
const DefaultAppendTimeout = 10 * time.Second

// Warehouse appends rows. It is safe for concurrent use; open one per process.
type Warehouse struct {
	watch     *conn.Watch
	stop      context.CancelFunc
	closing   sync.Once
	decisions *table[pix.Decision]
	alerts    *table[pix.Alert]
	labels    *table[pix.Label]
}

// Open prepares the writers. It does not touch the network beyond what the client options ask for: streams open with
// the first row, so that a process starts while BigQuery is away. Options are those of the Storage Write API's gRPC
// client.
func Open(ctx context.Context, cfg Config, opts ...option.ClientOption) (*Warehouse, error) {
	if cfg.ProjectID == "" || cfg.Dataset == "" {
		return nil, errors.New("open warehouse: project and dataset are required")
	}
	if cfg.Linger == 0 {
		cfg.Linger = defaultLinger
	}
	if cfg.AppendTimeout == 0 {
		cfg.AppendTimeout = DefaultAppendTimeout
	}
	if cfg.AppendTimeout > maxAppendTimeout {
		return nil, fmt.Errorf("open warehouse: an append of %s is longer than %s, after which its rows count as written", cfg.AppendTimeout, maxAppendTimeout)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &Warehouse{stop: stop}
	if err := w.start(life, cfg, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("open warehouse: %w", err), w.Close(ctx))
	}
	return w, nil
}

func (w *Warehouse) start(life context.Context, cfg Config, opts []option.ClientOption) error {
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return err
	}
	// An append that is slow but in time is never cut; one that is not takes its connection with it, see retire.
	w.watch, err = conn.New(conn.Config{Client: "bigquery", Limit: cfg.AppendTimeout, Metrics: cfg.Metrics})
	if err != nil {
		return fmt.Errorf("watch connections: %w", err)
	}
	all := append([]option.ClientOption{option.WithGRPCConnectionPool(1)}, opts...) // a client has one stream
	all = append(all, w.watch.Options()...)
	connect := func(life context.Context) (*managedwriter.Client, error) {
		return managedwriter.NewClient(life, cfg.ProjectID, all...)
	}
	src := source{life: life, connect: connect, gaveUp: w.watch.GaveUp, cfg: cfg, metrics: m}
	if w.decisions, err = newTable(src, DecisionsTable, decisionColumns()); err != nil {
		return err
	}
	if w.alerts, err = newTable(src, alertsTable, alertColumns()); err != nil {
		return err
	}
	w.labels, err = newTable(src, labelsTable, labelColumns())
	return err
}

// AppendDecision writes one row to decisions and returns once it is acknowledged. An error's kind tells what to do:
// Invalid and TooLarge are permanent, Unavailable, Timeout and Cancelled are worth another try, after which the row may
// be present twice.
func (w *Warehouse) AppendDecision(ctx context.Context, d *pix.Decision) error {
	return w.decisions.append(ctx, d, d.Transaction.ID, d.Transaction.EventTime)
}

// AppendAlert writes one row to alerts. Errors are as AppendDecision's.
func (w *Warehouse) AppendAlert(ctx context.Context, a *pix.Alert) error {
	return w.alerts.append(ctx, a, a.ID, a.EventTime)
}

// AppendLabel writes one row to labels. Errors are as AppendDecision's.
func (w *Warehouse) AppendLabel(ctx context.Context, l *pix.Label) error {
	return w.labels.append(ctx, l, l.ID, l.EventTime)
}

// Close stops taking rows, appends what was taken and releases the connections. When ctx ends first, what is still in
// flight is abandoned and its callers get an error, so that they can be retried elsewhere. A second Close does nothing.
func (w *Warehouse) Close(ctx context.Context) error {
	var err error
	w.closing.Do(func() { err = w.close(ctx) })
	return err
}

func (w *Warehouse) close(ctx context.Context) error {
	defer w.stop()
	if w.watch == nil {
		return nil // it was never opened
	}
	if err := w.watch.Close(ctx, func() error { return w.closeTables(ctx) }); err != nil {
		return fmt.Errorf("close warehouse: %w", err)
	}
	return nil
}

// closeTables closes the tables side by side: each has the whole of the time.
func (w *Warehouse) closeTables(ctx context.Context) error {
	var errs [3]error
	var all sync.WaitGroup
	all.Go(func() { errs[0] = w.decisions.close(ctx) })
	all.Go(func() { errs[1] = w.alerts.close(ctx) })
	all.Go(func() { errs[2] = w.labels.close(ctx) })
	all.Wait()
	return errors.Join(errs[:]...)
}

// Reachable tells operators whether connections died and none has answered since. It answers from memory.
func (w *Warehouse) Reachable() error { return w.watch.Err() }
