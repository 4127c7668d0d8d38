package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

// Player replays payments that are decoded already. It is not safe for concurrent use.
type Player struct {
	cfg       Config
	visit     func(*Row) error
	set       *feature.Set
	store     *memory.Store
	payments  order
	statuses  order
	held      held
	served    served
	waiting   []pix.Status                    // until they have occurred, in that order
	early     map[pix.EndToEndID][]pix.Status // of payments that were not served yet
	labelled  map[pix.EndToEndID]*party       // served payments that have labels
	arrived   int                             // labels whose moment has come
	pending   map[pix.EndToEndID][]pix.Label  // arrived labels of payments that were not served yet
	newest    int64                           // newest event time of the log, milliseconds
	lastServe int64
	sequence  int
	scratch   pix.Transaction // of statuses and labels
	vector    []float64
	stats     Stats
}

// NewPlayer prepares a replay. visit is called for every payment at its moment. Config's Statuses are those of Run.
func NewPlayer(cfg Config, visit func(*Row) error) (*Player, error) {
	set, err := feature.NewSet()
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	if cfg.Tokenizer == nil {
		if cfg.Tokenizer, err = NewTokenizer(); err != nil {
			return nil, err
		}
	}
	if cfg.Labels == nil {
		cfg.Labels = NewLabels(nil)
	}
	if cfg.MaxHeld == 0 {
		cfg.MaxHeld = defaultMaxHeld
	}
	if cfg.Workers == 0 {
		cfg.Workers = defaultWorkers
	}
	p := &Player{
		cfg: cfg, visit: visit, set: set, vector: make([]float64, set.Width()), served: served{},
		early: map[pix.EndToEndID][]pix.Status{}, labelled: map[pix.EndToEndID]*party{}, pending: map[pix.EndToEndID][]pix.Label{},
	}
	p.payments.sorted, p.statuses.sorted = cfg.Sorted, cfg.Sorted
	// Marks of unpublished payments are stamped with the log's own time: a replay has no clock.
	p.store = memory.New(func() time.Time { return time.UnixMilli(p.lastServe) })
	return p, nil
}

// Pay puts a payment in line and serves every payment whose moment has come. Payments come in order of event time or of
// arrival, give or take MaxClockSkew; one that comes later than that is a DisorderError. Of one that comes several times,
// the one that became visible first is served, wherever it stands in the log.
func (p *Player) Pay(ctx context.Context, tx *pix.Transaction) error {
	if p.isServed(tx) {
		p.stats.Duplicates++
		return nil
	}
	visible := visibleAt(&tx.Facts).UnixMilli()
	if err := p.payments.see(visible, tx.EventTime.UnixMilli()); err != nil {
		return err
	}
	p.newest = max(p.newest, tx.EventTime.UnixMilli())
	p.sequence++
	p.held.push(waiting{visible: visible, sequence: p.sequence, tx: tx})
	if len(p.held) > p.cfg.MaxHeld {
		return fmt.Errorf("replay: more than %d payments wait for their arrival: sort the log by it", p.cfg.MaxHeld)
	}
	for len(p.held) > 0 && p.held[0].visible <= p.payments.known {
		if err := p.serve(ctx, p.held.pop()); err != nil {
			return err
		}
	}
	return nil
}

// Status takes what became of a payment. Statuses come in order of OccurredAt, give or take MaxClockSkew, before the
// payments whose event time is later; each waits until a payment becomes visible that is not earlier.
func (p *Player) Status(ctx context.Context, s *pix.Status) error {
	at := s.OccurredAt.UnixMilli()
	if err := p.statuses.see(at, at); err != nil {
		err.Status = true
		return err
	}
	if at <= p.lastServe {
		return p.apply(ctx, s)
	}
	i := len(p.waiting)
	for i > 0 && p.waiting[i-1].OccurredAt.After(s.OccurredAt) {
		i--
	}
	p.waiting = slices.Insert(p.waiting, i, *s)
	return nil
}

// End serves every payment that still waits.
func (p *Player) End(ctx context.Context) error {
	for len(p.held) > 0 {
		if err := p.serve(ctx, p.held.pop()); err != nil {
			return err
		}
	}
	for _, statuses := range p.early {
		p.stats.Unknown += len(statuses)
	}
	p.stats.Unlabelled = p.cfg.Labels.Payments() - len(p.labelled)
	p.stats.Entities, p.stats.Known = p.store.Rows(), p.store.Archived()
	return nil
}

// Stats returns what was seen so far.
func (p *Player) Stats() Stats { return p.stats }

// Entities is how many accounts, devices and pairs have live events.
func (p *Player) Entities() int { return p.store.Rows() }

// serve does what the engine does before it scores, in the same order: write, then read. Before that, everything that
// had arrived takes effect; after it, what had arrived for this payment before the payment itself.
func (p *Player) serve(ctx context.Context, w waiting) error {
	if p.isServed(w.tx) { // a copy that waited too
		p.stats.Duplicates++
		return nil
	}
	p.lastServe = w.visible
	if err := p.arrive(ctx); err != nil {
		return err
	}
	if err := p.store.Record(ctx, w.tx); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if err := p.store.MarkPublished(ctx, []engine.Mark{engine.MarkOf(w.tx)}); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	p.store.View(w.tx, func(h *feature.Histories) { p.vector = p.set.Vector(p.vector, w.tx, h) })
	if err := p.show(w.tx); err != nil {
		return err
	}
	return p.remember(ctx, w.tx)
}

func (p *Player) isServed(tx *pix.Transaction) bool {
	return p.served.has(tx.ID, tx.EventTime.UnixMilli())
}

// show hands the vector to the visitor.
func (p *Player) show(tx *pix.Transaction) error {
	row := Row{Transaction: tx, Weight: 1, Vector: p.vector, Label: p.cfg.Labels.InForce(tx.ID)}
	if weight, ok := p.cfg.Weights[tx.ID]; ok {
		row.Weight = weight
		p.stats.Weighted++
	}
	if row.Label != nil {
		p.stats.Labelled++
		if row.Label.Fraud {
			p.stats.Fraud++
		}
	}
	if err := p.visit(&row); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	p.stats.Events++
	if p.cfg.Progress != nil && p.stats.Events%progressEvery == 0 {
		p.cfg.Progress(p.stats)
	}
	return nil
}
