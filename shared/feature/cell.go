package feature

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Cell is one cell of the feature table, whatever physical row the store gives its entity. Writing it again changes
// nothing. At is its timestamp in milliseconds: of an event and a status the event time, of a first-ever fact a moment
// that makes the earliest event the newest version, of a mark its arrival.
type Cell struct {
	Entity    string // Row.Current
	Family    string
	Qualifier string
	At        int64
	Value     []byte
}

// Qualifiers of events are the event time in 6 bytes, big endian, and the EndToEndId; a status is the same, suffixMark
// and what it is. So columns come in order of time, and statuses follow their event.
const (
	timeBytes  = 6 // 48 bits of milliseconds last until the year 10889
	suffixMark = '#'
	// MaxTime is the latest event time, exclusive, that a qualifier can name.
	MaxTime = int64(1) << (8 * timeBytes)
)

// Suffixes of statuses. A return carries its ReturnID, so that partial returns add up.
const (
	suffixSettled  = "s"
	suffixRejected = "x"
	suffixReturned = "r"
)

// Errors of the decoders. They never carry what they refuse.
var (
	errQualifier  = errors.New("feature: qualifier is not a time and an EndToEndId")
	errStatusForm = errors.New("feature: status cell is malformed")
	errMarkForm   = errors.New("feature: mark cell is malformed")
	errFirstForm  = errors.New("feature: first-ever cell is malformed")
)

// qualifier names an event's cell. at must be in [0, MaxTime).
func qualifier(at int64, id pix.EndToEndID) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(at))
	return string(b[8-timeBytes:]) + string(id)
}

// parseQualifier reads a qualifier back; suffix is empty for an event.
func parseQualifier(q string) (at int64, id pix.EndToEndID, suffix string, err error) {
	if len(q) <= timeBytes {
		return 0, "", "", errQualifier
	}
	for i := range timeBytes {
		at = at<<8 | int64(q[i])
	}
	name, suffix, marked := strings.Cut(q[timeBytes:], string(suffixMark))
	if name == "" || marked && suffix == "" {
		return 0, "", "", errQualifier
	}
	return at, pix.EndToEndID(name), suffix, nil
}

// Cells lists what a payment writes: for each of payer, payee, device and pair that it names, its event and its
// first-ever fact. The event time must be in [0, MaxTime).
func Cells(tx *pix.Transaction) []Cell {
	writes := Writes(tx)
	cells := make([]Cell, 0, 2*len(writes))
	for i := range writes {
		w := &writes[i]
		cells = append(cells,
			Cell{w.Row, w.Family, qualifier(w.Event.At, w.Event.ID), w.Event.At, w.Event.AppendValue(nil)},
			FirstCell(w.Row, w.Family, First{At: w.Event.At, ID: w.Event.ID}))
	}
	return cells
}

// FirstCell is the first-ever fact of a stream as an entity's row holds it. A store that takes an event out asks for it:
// to know the fact that the event left, and to write the one that takes its place.
func FirstCell(entity, family string, f First) Cell {
	return Cell{entity, FamilyFirst, family, firstEpoch - f.At, f.appendValue(nil)}
}

// StatusNote is one status of a payment as the streams of payer, payee and pair keep it.
type StatusNote struct {
	At       int64 // event time of the payment
	ID       pix.EndToEndID
	State    State     // StateSettled, StateRejected, or none for a return
	ReturnID string    // of a return
	Returned pix.Money // of a return
}

// StatusWrite is one note and the stream that it belongs to.
type StatusWrite struct {
	Row    string
	Family string
	Note   StatusNote
}

// StatusWrites lists the notes of a status: one in each stream, but the device's, that holds the payment's event. tx is the
// payment as it was decided on.
func StatusWrites(tx *pix.Transaction, s *pix.Status) []StatusWrite {
	note := StatusNote{At: tx.Moment().UnixMilli(), ID: tx.ID}
	switch s.State {
	case pix.Settled:
		note.State = StateSettled
	case pix.Rejected:
		note.State = StateRejected
	case pix.Returned:
		note.ReturnID, note.Returned = s.ReturnID, s.Returned
	default:
		return nil
	}
	rows := Rows(tx)
	writes := make([]StatusWrite, 0, 3)
	for _, w := range [...]StatusWrite{
		{rows.Payer.Current, FamilyOut, note}, {rows.Payee.Current, FamilyIn, note}, {rows.Pair.Current, FamilyOut, note},
	} {
		if w.Row != "" {
			writes = append(writes, w)
		}
	}
	return writes
}

// StatusCells lists what a status writes.
func StatusCells(tx *pix.Transaction, s *pix.Status) []Cell {
	writes := StatusWrites(tx, s)
	cells := make([]Cell, 0, len(writes))
	for i := range writes {
		w := &writes[i]
		name, value := w.Note.suffix(), w.Note.appendValue(nil)
		cells = append(cells, Cell{
			w.Row, w.Family, qualifier(w.Note.At, w.Note.ID) + string(suffixMark) + name, w.Note.At, value,
		})
	}
	return cells
}

func (n *StatusNote) suffix() string {
	switch n.State {
	case StateSettled:
		return suffixSettled
	case StateRejected:
		return suffixRejected
	default:
		return suffixReturned + n.ReturnID
	}
}

// statusVersion is the first byte of a status cell's value; a return's amount follows as a varint.
const statusVersion = 1

func (n *StatusNote) appendValue(b []byte) []byte {
	b = append(b, statusVersion)
	if n.State != 0 {
		return b
	}
	return binary.AppendUvarint(b, uint64(n.Returned))
}

// decodeStatus reads a status cell back.
func decodeStatus(suffix string, value []byte) (StatusNote, error) {
	var n StatusNote
	if len(value) < 1 || value[0] != statusVersion {
		return n, errStatusForm
	}
	switch {
	case suffix == suffixSettled:
		n.State = StateSettled
	case suffix == suffixRejected:
		n.State = StateRejected
	case strings.HasPrefix(suffix, suffixReturned):
		amount, size := binary.Uvarint(value[1:])
		if size <= 0 || amount > uint64(pix.MaxAmount) {
			return n, errStatusForm
		}
		n.ReturnID, n.Returned = suffix[len(suffixReturned):], pix.Money(amount)
	default:
		return n, errStatusForm
	}
	return n, nil
}

// Apply puts a status into its event. Every return may be applied once only: returns add up.
func (e *Event) Apply(n *StatusNote) {
	e.State |= n.State
	e.Returned = min(e.Returned+n.Returned, e.Amount)
}

// DecodeStream reads the cells of one family of one row, by qualifier and value in ascending order of qualifier, into
// ascending events with their statuses. A status whose event is not among the cells is left out. hint is how many cells
// to expect; it may be 0.
func DecodeStream(hint int, cells iter.Seq2[string, []byte]) ([]Event, error) {
	events := make([]Event, 0, hint)
	for q, value := range cells {
		at, id, suffix, err := parseQualifier(q)
		if err != nil {
			return nil, err
		}
		if suffix == "" {
			e, err := DecodeEvent(id, at, value)
			if err != nil {
				return nil, fmt.Errorf("decode event: %w", err)
			}
			events = append(events, e)
			continue
		}
		note, err := decodeStatus(suffix, value)
		if err != nil {
			return nil, err
		}
		if last := len(events) - 1; last >= 0 && events[last].At == at && events[last].ID == id {
			events[last].Apply(&note)
		}
	}
	return events, nil
}
