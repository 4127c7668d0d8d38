package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/bigtable"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/conn"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

var _ engine.Store = (*Store)(nil)

// maxFirsts is how many first-ever facts are remembered: some 20 MB.
const maxFirsts = 1 << 17

// goodbye is how long Close gives the connections to end in good order.
const goodbye = time.Second

// Store is the Bigtable table. It is safe for concurrent use; open one per process.
type Store struct {
	cfg    Config
	client *bigtable.Client
	table  *bigtable.Table
	watch  *conn.Watch

	metrics *metrics
	index   *index
	firsts  *firsts
	opened  *opened
	tasks   *tasks
	carried *carried

	scratch scratch
}

// Open connects. The options are those of the gRPC client: an emulator's endpoint, interceptors, pool size.
func Open(ctx context.Context, cfg Config, opts ...option.ClientOption) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, pix.E(pix.Invalid, "open store", err)
	}
	cfg = cfg.withDefaults()
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, pix.E(pix.Invalid, "open store", err)
	}
	// Twice the time of a call: no call that is slow but in time is cut.
	watch, err := conn.New(conn.Config{Client: "bigtable", Limit: 2 * cfg.CallTimeout, Metrics: cfg.Metrics})
	if err != nil {
		return nil, pix.E(pix.Invalid, "open store", err)
	}
	client, err := bigtable.NewClientWithConfig(ctx, cfg.ProjectID, cfg.InstanceID, bigtable.ClientConfig{
		AppProfile:          cfg.AppProfile,
		MetricsProvider:     bigtable.NoopMetricsProvider{}, // we export our own; the built-in ones open another client
		DisableDirectAccess: true,                           // it needs what the build tag disable_grpc_modules leaves out
		DisableSession:      true,                           // an idle second transport
	}, append(append(opts[:len(opts):len(opts)], watch.Options()...), option.WithGRPCDialOption(readerOption()))...)
	if err != nil {
		return nil, storeError("open store", err)
	}
	return &Store{
		cfg: cfg, client: client, table: client.Open(cfg.Table), watch: watch,
		metrics: m, index: newIndex(cfg.tuning.maxHot), firsts: newFirsts(maxFirsts), opened: newOpened(), tasks: newTasks(m.dropped.Inc),
		carried: newCarried(m.dropped.Inc),
	}, nil
}

// Reachable tells operators whether connections died and none has answered since. It answers from memory.
func (s *Store) Reachable() error { return s.watch.Err() }

// Close drops the connections, dead ones too, within about a second.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	if err := s.watch.Close(ctx, s.client.Close); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Commit stores d unless a decision stands, in one conditional write, and returns the one that stands. The mark of an
// Unrecorded decision is written before, in a row of its own: a crash between the two leaves a mark without a decision,
// which a sweep drops, and never the other way round.
func (s *Store) Commit(ctx context.Context, d *pix.Decision) (_ *pix.Decision, err error) {
	const op = "commit decision"
	defer s.timed("commit", &err)()
	envelope, err := event.EncodeDecision(d)
	if err != nil {
		return nil, pix.E(pix.Unexpected, op, err)
	}
	if d.Unrecorded {
		if err := s.mark(ctx, &d.Transaction); err != nil {
			return nil, err
		}
	}
	set := bigtable.NewMutation()
	set.Set(familyDecision, column, milli(d.DecidedAt), envelope.Data)
	stands, err := s.conditional(ctx, decisionRow(d.ID()), set)
	switch {
	case err == nil && !stands:
		d.Stored = envelope.Data
		return d, nil
	case err == nil:
		return s.standing(ctx, d.ID())
	}
	// The write may have been carried out although its reply was lost: only what stands in the table tells.
	if stored, readErr := s.Decision(ctx, d.ID()); readErr == nil && stored != nil {
		return stored, nil
	}
	return nil, storeError(op, err)
}

// conditional applies set unless the row holds a decision, and reports whether it did hold one.
func (s *Store) conditional(ctx context.Context, row string, set *bigtable.Mutation) (stands bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	m := bigtable.NewCondMutation(bigtable.ChainFilters(
		bigtable.FamilyFilter(familyDecision), bigtable.ColumnFilter(column),
	), nil, set)
	err = s.table.Apply(ctx, row, m, bigtable.GetCondMutationResult(&stands))
	if err != nil {
		return false, fmt.Errorf("apply: %w", err)
	}
	return stands, nil
}

// standing reads a decision that is known to stand.
func (s *Store) standing(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	d, err := s.Decision(ctx, id)
	if err == nil && d == nil {
		return nil, pix.E(pix.Unavailable, "read standing decision", errVanished)
	}
	return d, err
}

// Decision returns the decision that stands, nil when none does.
func (s *Store) Decision(ctx context.Context, id pix.EndToEndID) (_ *pix.Decision, err error) {
	const op = "read decision"
	defer s.timed("decision", &err)()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	row, err := s.table.ReadRow(ctx, decisionRow(id), bigtable.RowFilter(bigtable.FamilyFilter(familyDecision)))
	if err != nil {
		return nil, storeError(op, err)
	}
	d, err := decodeDecision(row)
	return d, pix.E(pix.Unexpected, op, err)
}
