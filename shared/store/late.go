package store

import (
	"encoding/binary"
	"iter"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// lateCell is an event or a status that came after its bucket may have been sealed. It lies beside every tile that may
// lack it, until the tile is made again, and carries what a reader needs to add it: the event, and what the tile may
// know of the event already.
type lateCell struct {
	name  string // qualifier of the event or the status
	value []byte // cell value of the same
	event []byte // cell value of the event
	known bool   // the event was there before
	state feature.State
	paid  pix.Money // returned before
}

const lateVersion = 1

// maxLateValue bounds what is decoded: an event takes 45 bytes, a status fewer.
const maxLateValue = 1 << 10

// encode writes the cell value of l; the name is the column's.
func (l *lateCell) encode() []byte {
	known := byte(0)
	if l.known {
		known = 1
	}
	b := []byte{lateVersion, known, byte(l.state)}
	b = binary.AppendUvarint(b, uint64(l.paid))
	b = binary.AppendUvarint(b, uint64(len(l.event)))
	b = append(b, l.event...)
	return append(b, l.value...)
}

// decodeLate reads a late cell back.
func decodeLate(name string, value []byte) (lateCell, error) {
	l := lateCell{name: name}
	if len(value) < 5 || len(value) > maxLateValue || value[0] != lateVersion || value[1] > 1 {
		return l, errLate
	}
	l.known, l.state = value[1] == 1, feature.State(value[2])
	paid, n := binary.Uvarint(value[3:])
	if n <= 0 || paid > uint64(pix.MaxAmount) {
		return l, errLate
	}
	l.paid = pix.Money(paid)
	rest := value[3+n:]
	size, n := binary.Uvarint(rest)
	if n <= 0 || size > uint64(len(rest)-n) {
		return l, errLate
	}
	l.event, l.value = rest[n:n+int(size)], rest[n+int(size):]
	return l, nil
}

// lateSum is what the late cells of one event add: the event itself when the tiles lack it, else the difference that
// its statuses make.
type lateSum struct {
	event *feature.Event
	delta feature.Totals
}

// sumLate adds up the late cells of one event, in order of their names. The cell that was written first knew least, and
// what it knew is what the tile holds: later ones know of earlier ones.
func sumLate(cells []lateCell) (lateSum, error) {
	before := feature.Event{State: ^feature.State(0), Returned: pix.MaxAmount}
	known := true
	for i := range cells {
		c := &cells[i]
		known = known && c.known
		before.State &= c.state
		before.Returned = min(before.Returned, c.paid)
	}
	list, err := feature.DecodeStream(1, eventAndStatuses(cells))
	if err != nil || len(list) == 0 {
		return lateSum{}, err
	}
	after := list[0]
	base := after
	base.State, base.Returned = before.State, before.Returned
	after.State |= before.State
	after.Returned = min(after.Returned+before.Returned, after.Amount)
	if known {
		var a, b feature.Totals
		a.Add(&after)
		b.Add(&base)
		return lateSum{delta: difference(a, b)}, nil
	}
	for i := range cells {
		if isEvent(cells[i].name) {
			return lateSum{event: &after}, nil
		}
	}
	return lateSum{}, nil // statuses of an event that nobody has seen
}

// eventAndStatuses lists the cells of one event with the event first, which any of them carries.
func eventAndStatuses(cells []lateCell) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if len(cells) == 0 || !yield(eventName(cells[0].name), cells[0].event) {
			return
		}
		for i := range cells {
			if !isEvent(cells[i].name) && !yield(cells[i].name, cells[i].value) {
				return
			}
		}
	}
}

// difference is what a holds more than b, of the same event.
func difference(a, b feature.Totals) feature.Totals {
	return feature.Totals{
		Settled: a.Settled - b.Settled, Rejected: a.Rejected - b.Rejected, Returned: a.Returned - b.Returned,
		SettledSum: a.SettledSum - b.SettledSum, ReturnedSum: a.ReturnedSum - b.ReturnedSum,
	}
}
