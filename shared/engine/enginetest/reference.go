package enginetest

import (
	"fmt"
	"slices"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// Reference decides payments one after the other, each as a replayed one: by its event time alone. It is not safe for concurrent use.
type Reference struct {
	models     engine.Models
	pack       *policy.Pack
	features   *feature.Set
	featureSet string
	rows       map[string]map[string][]feature.Event // row, family, events
	notes      map[eventKey]map[noteKey]feature.StatusNote
	marks      map[string][]feature.Mark // by row
	decisions  map[pix.EndToEndID]*pix.Decision
	order      []*pix.Decision
}

// NewReference builds a reference over the models and the pack that the pipeline under test uses.
func NewReference(models engine.Models, pack *policy.Pack) (*Reference, error) {
	features, err := feature.NewSet()
	if err != nil {
		return nil, fmt.Errorf("new reference: %w", err)
	}
	return &Reference{
		models: models, pack: pack, features: features, featureSet: feature.SetVersion(),
		rows: map[string]map[string][]feature.Event{}, notes: map[eventKey]map[noteKey]feature.StatusNote{},
		marks: map[string][]feature.Mark{}, decisions: map[pix.EndToEndID]*pix.Decision{},
	}, nil
}

// Decide returns the decision on tx: the one that stands when tx was seen before, nil when another payment has its
// EndToEndID. Outcome, hold, rule hits, scores, vector and versions are set; clocks, trace, contributions and words are
// not part of the reference.
func (r *Reference) Decide(tx *pix.Transaction) *pix.Decision {
	if standing := r.decisions[tx.ID]; standing != nil {
		if !pix.SamePayment(&standing.Transaction, tx) {
			return nil
		}
		return standing
	}
	for _, w := range feature.Writes(tx) {
		if r.rows[w.Row] == nil {
			r.rows[w.Row] = map[string][]feature.Event{}
		}
		r.rows[w.Row][w.Family] = append(r.rows[w.Row][w.Family], w.Event)
	}
	names := feature.Rows(tx)
	histories := feature.Histories{
		Payer: r.history(names.Payer), Payee: r.history(names.Payee), Device: r.history(names.Device),
		Pair: r.history(names.Pair), Reverse: r.history(names.Reverse),
	}
	vector := r.features.Vector(nil, tx, &histories)
	scores := r.scores(tx.Direction, vector)
	verdict := r.pack.Decide(policy.Input{Tx: tx, Scores: scores, Vector: vector, Moments: policy.Moments{Replay: true}})
	d := &pix.Decision{
		Transaction: *tx, Outcome: verdict.Outcome, RuleHits: verdict.Hits, Scores: scores, Vector: vector, HoldUntil: verdict.HoldUntil,
		FeatureSet: r.featureSet, PolicyVersion: r.pack.Version(),
	}
	r.decisions[tx.ID] = d
	r.order = append(r.order, d)
	return d
}

// eventKey names an event of a stream, and noteKey one of its statuses: what comes twice is one.
type (
	eventKey struct {
		row, family string
		id          pix.EndToEndID
	}
	noteKey struct {
		state    feature.State
		returnID string
	}
)

// Status applies a status to a payment that was decided. It reports whether there was one.
func (r *Reference) Status(s *pix.Status) bool {
	d := r.decisions[s.ID]
	if d == nil {
		return false
	}
	for _, w := range feature.StatusWrites(&d.Transaction, s) {
		of := eventKey{w.Row, w.Family, w.Note.ID}
		if r.notes[of] == nil {
			r.notes[of] = map[noteKey]feature.StatusNote{}
		}
		r.notes[of][noteKey{w.Note.State, w.Note.ReturnID}] = w.Note
	}
	return true
}

// Fraud applies a label to a payment that was decided. It reports whether there was one.
func (r *Reference) Fraud(l *pix.Label) bool {
	d := r.decisions[l.ID]
	if d == nil {
		return false
	}
	for _, w := range feature.MarkWrites(&d.Transaction, l) {
		r.marks[w.Row] = append(r.marks[w.Row], w.Mark)
	}
	return true
}

// Decisions returns every decision in the order in which it was made.
func (r *Reference) Decisions() []*pix.Decision { return r.order }

// Outcomes counts the decisions by outcome.
func (r *Reference) Outcomes() map[pix.Outcome]int {
	counts := map[pix.Outcome]int{}
	for _, d := range r.order {
		counts[d.Outcome]++
	}
	return counts
}

func (r *Reference) scores(d pix.Direction, vector []float64) []pix.Score {
	scores := []pix.Score{}
	for _, role := range d.Roles() {
		model, err := r.models.Model(role)
		if err != nil {
			continue
		}
		raw, probability, err := model.Score(vector)
		if err != nil {
			continue
		}
		scores = append(scores, pix.Score{Role: role, Version: model.Version(), Raw: raw, Probability: probability})
	}
	return scores
}

// history gives what is known of an entity under its current and previous token, events in the order in which they
// arrived.
func (r *Reference) history(row feature.Row) feature.History {
	var h feature.History
	events := func(family string) feature.Stream {
		all := r.told(row.Current, family)
		if row.Previous != row.Current {
			all = append(r.told(row.Previous, family), all...)
		}
		first := h.First.Of(family)
		for i := range all {
			*first = first.Earlier(feature.First{At: all[i].At, ID: all[i].ID})
		}
		return feature.Stream{Events: all}
	}
	h.Out, h.In, h.Use = events(feature.FamilyOut), events(feature.FamilyIn), events(feature.FamilyUse)
	h.Marks = slices.Clone(r.marks[row.Current])
	if row.Previous != row.Current {
		h.Marks = append(h.Marks, r.marks[row.Previous]...)
	}
	h.Marks = feature.SortMarks(h.Marks)
	return h
}

// told gives the events of a stream with what statuses said of them.
func (r *Reference) told(row, family string) []feature.Event {
	events := slices.Clone(r.rows[row][family])
	for i := range events {
		for _, note := range r.notes[eventKey{row, family, events[i].ID}] {
			events[i].Apply(&note)
		}
	}
	return events
}
