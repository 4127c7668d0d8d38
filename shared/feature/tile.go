package feature

import (
	"encoding/binary"
	"errors"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// BusyEvents is how many events in 30 days make a stream busy: then different counterparties are counted by a Sketch in
// every window, what needs single events is missing, and a store may serve tiles. Both hold with tiles and without, so
// that a vector never depends on how its store keeps events.
const BusyEvents = 4000

// Tile stands for the events of one stream in [Start, Start+Level.Span()): a pure function of their set, statuses
// included. Writing it again, or by two writers, is harmless.
type Tile struct {
	Level       Level
	Start       int64 // milliseconds
	Totals      Totals
	Last        int64   // newest event time
	Parties     Sketch  // counterparties under the current token
	PartiesPrev *Sketch // counterparties as read while a rotation lasts; nil when that is the same
	Amounts     []Bin   // of FamilyOut; ascending
}

// Totals are the sums over a set of events that are exact in any order.
type Totals struct {
	Count       int
	NearLimit   int // amounts just under a limit
	Settled     int
	Rejected    int
	Returned    int // payments of which some was returned
	Sum         pix.Money
	Max         pix.Money
	SettledSum  pix.Money
	ReturnedSum pix.Money
}

// Add counts an event.
func (t *Totals) Add(e *Event) {
	t.Count++
	t.Sum += e.Amount
	t.Max = max(t.Max, e.Amount)
	if justUnder(e.Amount) {
		t.NearLimit++
	}
	t.addOutcome(e)
}

// addOutcome counts what became of an event.
func (t *Totals) addOutcome(e *Event) {
	if e.State&StateSettled != 0 {
		t.Settled++
		t.SettledSum += e.Amount
	}
	if e.State&StateRejected != 0 {
		t.Rejected++
	}
	if e.Returned > 0 {
		t.Returned++
		t.ReturnedSum += e.Returned
	}
}

// Merge adds the totals of another set of events.
func (t *Totals) Merge(o *Totals) {
	t.Count += o.Count
	t.NearLimit += o.NearLimit
	t.Settled += o.Settled
	t.Rejected += o.Rejected
	t.Returned += o.Returned
	t.Sum += o.Sum
	t.Max = max(t.Max, o.Max)
	t.SettledSum += o.SettledSum
	t.ReturnedSum += o.ReturnedSum
}

// Subtract takes the totals of a part out of what was merged with it. Max stays: the largest of the rest is not known.
func (t *Totals) Subtract(o *Totals) {
	t.Count -= o.Count
	t.NearLimit -= o.NearLimit
	t.Settled -= o.Settled
	t.Rejected -= o.Rejected
	t.Returned -= o.Returned
	t.Sum -= o.Sum
	t.SettledSum -= o.SettledSum
	t.ReturnedSum -= o.ReturnedSum
}

// NewTile makes the tile of a family's events, which must lie in it and hold no duplicates.
func NewTile(family string, l Level, start int64, events []Event) Tile {
	t := Tile{Level: l, Start: start}
	for i := range events {
		t.addEvent(&events[i])
		if family == FamilyOut {
			t.Amounts = addBin(t.Amounts, uint16(binOf(events[i].Amount)))
		}
	}
	return t
}

// Add counts an event of a family that the tile does not hold yet: the same as making it anew of all of them.
func (t *Tile) Add(family string, e *Event) {
	t.addEvent(e)
	if family == FamilyOut {
		t.Amounts = addBin(t.Amounts, uint16(binOf(e.Amount)))
	}
}

// Restate puts what statuses now say of an event that the tile holds in the place of what they said before.
func (t *Totals) Restate(before, after *Event) {
	t.Settled += int(after.State&StateSettled) - int(before.State&StateSettled)
	t.Rejected += int(after.State&StateRejected>>1) - int(before.State&StateRejected>>1)
	if after.State&StateSettled != before.State&StateSettled {
		t.SettledSum += after.Amount
	}
	if before.Returned == 0 && after.Returned > 0 {
		t.Returned++
	}
	t.ReturnedSum += after.Returned - before.Returned
}

// addEvent counts an event everywhere but in the histogram.
func (t *Tile) addEvent(e *Event) {
	t.Totals.Add(e)
	t.Last = max(t.Last, e.At)
	if e.Counterparty.Previous != 0 && t.PartiesPrev == nil {
		prev := t.Parties
		t.PartiesPrev = &prev
	}
	t.Parties.Add(e.Counterparty.Current)
	if t.PartiesPrev != nil {
		t.PartiesPrev.Add(e.Counterparty.key(true))
	}
}

// Merge adds a tile of other events, as an hour is made of minutes. Level and Start stay.
func (t *Tile) Merge(o *Tile) {
	t.Totals.Merge(&o.Totals)
	t.Last = max(t.Last, o.Last)
	if t.PartiesPrev == nil && o.PartiesPrev != nil {
		prev := t.Parties
		t.PartiesPrev = &prev
	}
	if t.PartiesPrev != nil {
		t.PartiesPrev.Merge(o.parties(true))
	}
	t.Parties.Merge(&o.Parties)
	t.Amounts = mergeBins(t.Amounts, o.Amounts)
}

// parties is the sketch that a payment reads, during a rotation or not.
func (t *Tile) parties(rotating bool) *Sketch {
	if rotating && t.PartiesPrev != nil {
		return t.PartiesPrev
	}
	return &t.Parties
}

const (
	tileVersion  = 1
	maxTileCount = 1 << 31
)

var errTile = errors.New("feature: tile is malformed")

// AppendValue appends the cell value of t to b; level, start and family are the store's to keep. 20 bytes and those of
// sketches and histogram.
func (t *Tile) AppendValue(b []byte) []byte {
	present := byte(0)
	if t.PartiesPrev != nil {
		present = 1
	}
	b = append(b, tileVersion, present)
	for _, v := range t.numbers() {
		b = binary.AppendUvarint(b, uint64(v))
	}
	b = t.Parties.appendValue(b)
	if t.PartiesPrev != nil {
		b = t.PartiesPrev.appendValue(b)
	}
	return appendBins(b, t.Amounts)
}

// numbers lists the plain numbers of t in the order of its encoding.
func (t *Tile) numbers() [10]int64 {
	n := &t.Totals
	last := int64(0)
	if n.Count > 0 {
		last = t.Last - t.Start
	}
	return [...]int64{
		int64(n.Count), int64(n.NearLimit), int64(n.Settled), int64(n.Rejected), int64(n.Returned),
		last, int64(n.Sum), int64(n.Max), int64(n.SettledSum), int64(n.ReturnedSum),
	}
}

// DecodeTile reads a tile of a level and start back. Its errors never carry the value.
func DecodeTile(l Level, start int64, value []byte) (Tile, error) {
	t := Tile{Level: l, Start: start}
	if len(value) < 2 || value[0] != tileVersion || value[1] > 1 {
		return t, errTile
	}
	rest := value[2:]
	var n [10]int64
	for i := range n {
		limit := uint64(maxTileCount)
		if i == 5 {
			limit = uint64(l.Span() - 1)
		} else if i > 5 {
			limit = 1<<63 - 1
		}
		v, after, ok := uvarint(rest, limit)
		if !ok {
			return t, errTile
		}
		n[i], rest = int64(v), after
	}
	t.Totals = Totals{
		Count: int(n[0]), NearLimit: int(n[1]), Settled: int(n[2]), Rejected: int(n[3]), Returned: int(n[4]),
		Sum: pix.Money(n[6]), Max: pix.Money(n[7]), SettledSum: pix.Money(n[8]), ReturnedSum: pix.Money(n[9]),
	}
	if t.Totals.Count > 0 {
		t.Last = start + n[5]
	}
	var err error
	if t.Parties, rest, err = decodeSketch(rest); err != nil {
		return t, err
	}
	if value[1] == 1 {
		prev, after, err := decodeSketch(rest)
		if err != nil {
			return t, err
		}
		t.PartiesPrev, rest = &prev, after
	}
	if t.Amounts, _, err = decodeBins(rest); err != nil {
		return t, err
	}
	return t, nil
}
