package storetest

import (
	"slices"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Model is the simplest store there could be, the oracle of the others: lists of everything that was ever written, in the
// order in which it was written, joined anew for every reader. It never forgets and is not safe for concurrent use.
type Model struct {
	events   map[string][]feature.Event      // by row and family
	statuses map[string][]feature.StatusNote // by row, family and EndToEndId
	marks    map[string][]feature.Mark
}

// NewModel returns an empty model.
func NewModel() *Model {
	return &Model{
		events: map[string][]feature.Event{}, statuses: map[string][]feature.StatusNote{}, marks: map[string][]feature.Mark{},
	}
}

// Record writes a payment.
func (m *Model) Record(tx *pix.Transaction) {
	for _, w := range feature.Writes(tx) {
		key := w.Row + "/" + w.Family
		m.events[key] = append(m.events[key], w.Event)
	}
}

// MarkStatus writes what became of a payment.
func (m *Model) MarkStatus(tx *pix.Transaction, s *pix.Status) {
	for _, w := range feature.StatusWrites(tx, s) {
		key := w.Row + "/" + w.Family + "/" + string(w.Note.ID)
		m.statuses[key] = append(m.statuses[key], w.Note)
	}
}

// MarkFraud writes a report.
func (m *Model) MarkFraud(tx *pix.Transaction, l *pix.Label) {
	for _, w := range feature.MarkWrites(tx, l) {
		m.marks[w.Row] = append(m.marks[w.Row], w.Mark)
	}
}

// Read returns everything that is known of a payment's entities, out of order and with duplicates.
func (m *Model) Read(tx *pix.Transaction) feature.Histories {
	rows := feature.Rows(tx)
	return feature.Histories{
		Payer: m.history(rows.Payer), Payee: m.history(rows.Payee), Device: m.history(rows.Device),
		Pair: m.history(rows.Pair), Reverse: m.history(rows.Reverse),
	}
}

func (m *Model) history(row feature.Row) feature.History {
	var h feature.History
	for family, into := range map[string]*feature.Stream{
		feature.FamilyOut: &h.Out, feature.FamilyIn: &h.In, feature.FamilyUse: &h.Use,
	} {
		first := h.First.Of(family)
		for _, name := range []string{row.Previous, row.Current} {
			for _, e := range m.events[name+"/"+family] {
				into.Events = append(into.Events, m.stated(e, name+"/"+family))
				*first = first.Earlier(feature.First{At: e.At, ID: e.ID})
			}
		}
	}
	h.Marks = feature.SortMarks(slices.Concat(m.marks[row.Current], m.marks[row.Previous]))
	return h
}

// stated puts every status of an event into it, each return once.
func (m *Model) stated(e feature.Event, key string) feature.Event {
	returns := map[string]pix.Money{}
	for _, n := range m.statuses[key+"/"+string(e.ID)] {
		if n.At == e.At {
			e.State |= n.State
			returns[n.ReturnID] = n.Returned
		}
	}
	sum := pix.Money(0)
	for _, r := range returns {
		sum += r
	}
	e.Returned = min(sum, e.Amount)
	return e
}
