package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cloud.google.com/go/bigtable"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

var _ engine.Store = (*Store)(nil)

// Store is the Bigtable table. It is safe for concurrent use; open one per process.
type Store struct {
	cfg    Config
	client *bigtable.Client
	table  *bigtable.Table
}

// Open connects. The options are those of the gRPC client: an emulator's endpoint, interceptors, pool size.
func Open(ctx context.Context, cfg Config, opts ...option.ClientOption) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, pix.E(pix.Invalid, "open store", err)
	}
	cfg = cfg.withDefaults()
	client, err := bigtable.NewClientWithConfig(ctx, cfg.ProjectID, cfg.InstanceID, bigtable.ClientConfig{
		AppProfile:          cfg.AppProfile,
		MetricsProvider:     bigtable.NoopMetricsProvider{}, // we export our own; the built-in ones open another client
		DisableDirectAccess: !cfg.DirectAccess,
		DisableSession:      true, // an idle second transport
	}, opts...)
	if err != nil {
		return nil, storeError("open store", err)
	}
	return &Store{cfg: cfg, client: client, table: client.Open(cfg.Table)}, nil
}

// Close drops the connections.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Record writes the payment's event to the rows of payer, payee and device, and its mark, in one bulk write. It is done
// only when every row took its cell.
func (s *Store) Record(ctx context.Context, tx *pix.Transaction) error {
	const op = "record payment"
	if at := tx.EventTime.UnixMilli(); at < 0 || at >= feature.MaxTime || tx.ID == "" {
		return pix.E(pix.Invalid, op, errors.New("event time or id out of bounds"))
	}
	mark := bigtable.NewMutation()
	mark.Set(familyPending, column, milli(s.cfg.Clock()), nil)
	keys, mutations := group(feature.Cells(tx))
	return s.bulk(ctx, op, append(keys, pendingRow(tx.ID)), append(mutations, mark))
}

// MarkStatus writes what became of a payment beside its events, in one bulk write.
func (s *Store) MarkStatus(ctx context.Context, tx *pix.Transaction, status *pix.Status) error {
	keys, mutations := group(feature.StatusCells(tx, status))
	return s.bulk(ctx, "mark status", keys, mutations)
}

// MarkFraud writes a report of fraud to the rows of payer, payee and device, in one bulk write.
func (s *Store) MarkFraud(ctx context.Context, tx *pix.Transaction, l *pix.Label) error {
	keys, mutations := group(feature.MarkCells(tx, l))
	return s.bulk(ctx, "mark fraud", keys, mutations)
}

// group makes one mutation of the cells of each row.
func group(cells []feature.Cell) (keys []string, mutations []*bigtable.Mutation) {
	for i := range cells {
		c := &cells[i]
		k := slices.Index(keys, c.Entity)
		if k < 0 {
			k = len(keys)
			keys, mutations = append(keys, c.Entity), append(mutations, bigtable.NewMutation())
		}
		mutations[k].Set(c.Family, c.Qualifier, bigtable.Timestamp(c.At*1000), c.Value)
	}
	return keys, mutations
}

// bulk applies all mutations or fails: an entry's failure is the call's.
func (s *Store) bulk(ctx context.Context, op string, keys []string, mutations []*bigtable.Mutation) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	entries, err := s.table.ApplyBulk(ctx, keys, mutations)
	if err != nil {
		return storeError(op, err)
	}
	for _, e := range entries {
		if e != nil {
			return storeError(op, e)
		}
	}
	return nil
}

// Read returns the histories and the decision that stands, in one multi-row read.
func (s *Store) Read(ctx context.Context, tx *pix.Transaction) (feature.Histories, *pix.Decision, error) {
	const op = "read payment's rows"
	rows := feature.Rows(tx)
	decision := decisionRow(tx.ID)
	keys := bigtable.RowList{decision}
	for _, r := range [...]feature.Row{rows.Payer, rows.Payee, rows.Device, rows.Pair, rows.Reverse} {
		for _, k := range [...]string{r.Current, r.Previous} {
			if k != "" && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	found := make(map[string]bigtable.Row, len(keys))
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	err := s.table.ReadRows(ctx, keys, func(r bigtable.Row) bool {
		found[r.Key()] = r
		return true
	})
	if err != nil {
		return feature.Histories{}, nil, storeError(op, err)
	}
	h, err := histories(rows, found)
	if err != nil {
		return feature.Histories{}, nil, pix.E(pix.Unexpected, op, err)
	}
	d, err := decodeDecision(found[decision])
	if err != nil {
		return feature.Histories{}, nil, pix.E(pix.Unexpected, op, err)
	}
	return h, d, nil
}

// histories joins the rows of each entity under its current and its previous token.
func histories(rows feature.EntityRows, found map[string]bigtable.Row) (feature.Histories, error) {
	var h feature.Histories
	for _, part := range [...]struct {
		into *feature.History
		row  feature.Row
	}{
		{&h.Payer, rows.Payer}, {&h.Payee, rows.Payee}, {&h.Device, rows.Device}, {&h.Pair, rows.Pair}, {&h.Reverse, rows.Reverse},
	} {
		current, err := history(found[part.row.Current])
		if err != nil {
			return h, err
		}
		previous, err := history(found[part.row.Previous])
		if err != nil {
			return h, err
		}
		join := func(a, b feature.Stream) feature.Stream {
			return feature.Stream{Events: feature.Sort(append(a.Events, b.Events...))}
		}
		*part.into = feature.History{
			Out: join(previous.Out, current.Out), In: join(previous.In, current.In), Use: join(previous.Use, current.Use),
			First: current.First.Earlier(previous.First), Marks: feature.SortMarks(append(current.Marks, previous.Marks...)),
		}
	}
	return h, nil
}

// Commit stores d unless a decision stands, in one conditional write, and returns the one that stands.
func (s *Store) Commit(ctx context.Context, d *pix.Decision) (*pix.Decision, error) {
	const op = "commit decision"
	envelope, err := event.EncodeDecision(d)
	if err != nil {
		return nil, pix.E(pix.Unexpected, op, err)
	}
	set := bigtable.NewMutation()
	set.Set(familyDecision, column, milli(d.DecidedAt), envelope.Data)
	stands, err := s.conditional(ctx, decisionRow(d.ID()), set)
	switch {
	case err == nil && !stands:
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
	m := bigtable.NewCondMutation(bigtable.FamilyFilter(familyDecision), nil, set)
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
func (s *Store) Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	const op = "read decision"
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	row, err := s.table.ReadRow(ctx, decisionRow(id), bigtable.RowFilter(bigtable.FamilyFilter(familyDecision)))
	if err != nil {
		return nil, storeError(op, err)
	}
	d, err := decodeDecision(row)
	return d, pix.E(pix.Unexpected, op, err)
}
