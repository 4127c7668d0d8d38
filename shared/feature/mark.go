package feature

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// MarkRetention is how long a report of fraud marks an entity, from its arrival; MaxMarks is how many of them count, the
// newest first.
const (
	MarkRetention = 400 * 24 * time.Hour
	MaxMarks      = 256
)

// MarkRole is what an entity was in a reported payment.
type MarkRole uint8

// The roles.
const (
	RoleVictim      MarkRole = 'v' // the account that paid
	RoleBeneficiary MarkRole = 'b' // the account that received
	RoleDevice      MarkRole = 'd' // the device that was used
)

// Mark is what one report says of an entity. Of one payment and role, the report that arrived last counts; one that says
// no fraud lifts the mark.
type Mark struct {
	At     int64 // arrival of the report, milliseconds; never the time of the fraud
	Paid   int64 // event time of the payment, as its events have it: says which windows the payment is in
	ID     pix.EndToEndID
	Source string // MED, DESK, DICT
	Role   MarkRole
	Fraud  bool
}

// MarkWrite is one mark and the entity that it belongs to.
type MarkWrite struct {
	Row  string
	Mark Mark
}

// MarkWrites lists the marks that a label leaves: on payer, payee and device of the payment, as it was decided on.
func MarkWrites(tx *pix.Transaction, l *pix.Label) []MarkWrite {
	mark := Mark{At: l.ArrivedAt.UnixMilli(), Paid: tx.Moment().UnixMilli(), ID: tx.ID, Source: l.Source, Fraud: l.Fraud}
	rows := Rows(tx)
	writes := make([]MarkWrite, 0, 3)
	add := func(row string, role MarkRole) {
		if row != "" {
			mark.Role = role
			writes = append(writes, MarkWrite{row, mark})
		}
	}
	add(rows.Payer.Current, RoleVictim)
	add(rows.Payee.Current, RoleBeneficiary)
	add(rows.Device.Current, RoleDevice)
	return writes
}

// MarkCells lists what a label writes. Its arrival and the payment's event time must be in [0, MaxTime).
func MarkCells(tx *pix.Transaction, l *pix.Label) []Cell {
	writes := MarkWrites(tx, l)
	cells := make([]Cell, 0, len(writes))
	for i := range writes {
		m := &writes[i].Mark
		name := string(rune(m.Role)) + qualifier(m.At, m.ID) + string(suffixMark) + m.Source
		value := binary.AppendUvarint([]byte{markVersion, byte(truth(m.Fraud))}, uint64(m.Paid))
		cells = append(cells, Cell{writes[i].Row, FamilyMark, name, m.At, value})
	}
	return cells
}

// markVersion is the first byte of a mark cell's value. Whether it says fraud follows, and then the payment's event time: a
// release that knows nothing of that reads the first two bytes and passes by the rest. markVersionToo is what a release wrote
// there that read no other: the rest is the same.
const (
	markVersion    = 1
	markVersionToo = 2
)

// DecodeMarks reads the marks of one row in any order, and keeps the newest MaxMarks as SortMarks does.
func DecodeMarks(cells iter.Seq2[string, []byte]) ([]Mark, error) {
	var marks []Mark
	for q, value := range cells {
		if len(q) < 2 || len(value) < 2 || value[0] != markVersion && value[0] != markVersionToo || value[1] > 1 {
			return nil, errMarkForm
		}
		at, id, source, err := parseMark(q[1:])
		if err != nil {
			return nil, err
		}
		paid, ok := paidAt(value[2:], id, at)
		if !ok {
			return nil, errMarkForm
		}
		marks = append(marks, Mark{At: at, Paid: paid, ID: id, Source: source, Role: MarkRole(q[0]), Fraud: value[1] == 1})
		if len(marks) == 4*MaxMarks {
			marks = SortMarks(marks)
		}
	}
	return SortMarks(marks), nil
}

// paidAt reads the event time of a reported payment. A release that did not write it left the id's minute, which a payment is
// made in or soon after; an id without one leaves the arrival of the report, which came later.
func paidAt(value []byte, id pix.EndToEndID, arrived int64) (int64, bool) {
	if len(value) > 0 {
		paid, _, ok := uvarint(value, uint64(MaxTime-1))
		return int64(paid), ok
	}
	minute, ok := id.Minute()
	if at := minute.UnixMilli(); ok && at >= 0 && at < MaxTime {
		return at, true
	}
	return arrived, true
}

// parseMark reads a mark's qualifier after its role; the source may be empty.
func parseMark(q string) (at int64, id pix.EndToEndID, source string, err error) {
	if len(q) > 0 && q[len(q)-1] == suffixMark {
		q = q[:len(q)-1]
	}
	return parseQualifier(q)
}

// SortMarks brings marks into order, the newest arrival first, drops duplicates and keeps at most MaxMarks. It joins the
// marks of several rows of one entity.
func SortMarks(marks []Mark) []Mark {
	slices.SortFunc(marks, compareMarks)
	marks = slices.Compact(marks)
	return marks[:min(len(marks), MaxMarks)]
}

// compareMarks orders by arrival, the newest first; of two reports of one instant the one that says fraud comes first.
func compareMarks(a, b Mark) int {
	return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Role, b.Role),
		cmp.Compare(truth(b.Fraud), truth(a.Fraud)), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Paid, b.Paid))
}

// First is the earliest event of a stream. It outlives the events. The zero value means that none is known.
type First struct {
	At int64
	ID pix.EndToEndID
}

// Firsts are the first-ever facts of the streams of one entity.
type Firsts struct{ Out, In, Use First }

// IsZero reports whether no event is known.
func (f First) IsZero() bool { return f.ID == "" }

// Earlier returns the earlier of f and o, as rows of one entity are joined.
func (f First) Earlier(o First) First {
	if f.IsZero() || !o.IsZero() && (o.At < f.At || o.At == f.At && o.ID < f.ID) {
		return o
	}
	return f
}

// Earlier joins the facts of several rows of one entity.
func (f Firsts) Earlier(o Firsts) Firsts {
	return Firsts{f.Out.Earlier(o.Out), f.In.Earlier(o.In), f.Use.Earlier(o.Use)}
}

// Of returns the fact of the stream that a family holds, nil when it is no stream.
func (f *Firsts) Of(family string) *First {
	switch family {
	case FamilyOut:
		return &f.Out
	case FamilyIn:
		return &f.In
	case FamilyUse:
		return &f.Use
	default:
		return nil
	}
}

// firstEpoch minus the event time is the timestamp of a first-ever cell.
// The newest version is the earliest event, so that keeping one version needs no read. Of two events of one millisecond
// either may stay, so no vector looks at more of First than its time, but to know the payment itself.
const firstEpoch = 7_258_118_400_000 // 2200-01-01

const firstVersion = 1

func (f *First) appendValue(b []byte) []byte {
	b = append(b, firstVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(f.At))
	return append(b, f.ID...)
}

// DecodeFirst reads a first-ever cell. Its column names the family of the stream.
func DecodeFirst(value []byte) (First, error) {
	if len(value) < 10 || value[0] != firstVersion {
		return First{}, errFirstForm
	}
	at := binary.BigEndian.Uint64(value[1:])
	if at >= uint64(MaxTime) {
		return First{}, errFirstForm
	}
	return First{At: int64(at), ID: pix.EndToEndID(value[9:])}, nil
}
