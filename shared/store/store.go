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
	if at := tx.EventTime.UnixMilli(); at < 0 || at >= 1<<(8*timeBytes) || tx.ID == "" {
		return pix.E(pix.Invalid, op, errors.New("event time or id out of bounds"))
	}
	writes := feature.Writes(tx)
	keys := make([]string, 0, len(writes)+1)
	mutations := make([]*bigtable.Mutation, 0, len(writes)+1)
	for i := range writes {
		w := &writes[i]
		m := bigtable.NewMutation()
		m.Set(w.Family, qualifier(&w.Event), milli(tx.EventTime), w.Event.AppendValue(nil))
		keys, mutations = append(keys, w.Row), append(mutations, m)
	}
	mark := bigtable.NewMutation()
	mark.Set(familyPending, column, milli(s.cfg.Clock()), nil)
	return s.bulk(ctx, op, append(keys, pendingRow(tx.ID)), append(mutations, mark))
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
	for _, r := range [...]feature.Row{rows.Payer, rows.Payee, rows.Device} {
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
		into   *[]feature.Event
		row    feature.Row
		family string
	}{
		{&h.Payer.Out, rows.Payer, feature.FamilyOut}, {&h.Payer.In, rows.Payer, feature.FamilyIn},
		{&h.Payee.Out, rows.Payee, feature.FamilyOut}, {&h.Payee.In, rows.Payee, feature.FamilyIn},
		{&h.Device.Use, rows.Device, feature.FamilyUse},
	} {
		current, err := events(found[part.row.Current], part.family)
		if err != nil {
			return h, err
		}
		previous, err := events(found[part.row.Previous], part.family)
		if err != nil {
			return h, err
		}
		*part.into = feature.Sort(append(previous, current...))
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
