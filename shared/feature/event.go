package feature

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// MaxWindow is the longest window of any feature; Retention is how long a store must keep events so that one which
// arrives a day late still finds its windows whole.
const (
	MaxWindow = 30 * 24 * time.Hour
	Retention = 31 * 24 * time.Hour
)

// Event is one payment as seen from one entity: one cell of the feature store, and what the status cells beside it say.
// Writing it twice changes nothing.
type Event struct {
	At           int64 // event time, milliseconds since the Unix epoch
	ID           pix.EndToEndID
	Amount       pix.Money
	Counterparty Ref // the other account; of a device's event, the account that used it; none in a pair's
	Device       Ref
	Returned     pix.Money // sum of the returns, at most Amount
	Initiation   uint8     // initiationCode of the payment
	Flags        Flags
	State        State
}

// State is how a payment ended, as far as statuses told: none until one arrives.
type State uint8

// The bits of a State.
const (
	StateSettled State = 1 << iota
	StateRejected
)

// Flags are facts of an event that take one bit each.
type Flags uint8

// The flags. Unused bits are kept as they are read, so that an older release does not erase a newer one's facts.
const (
	FlagInbound  Flags = 1 << iota // seen as INBOUND: the payer is a customer of another institution
	FlagInternal                   // seen as INTERNAL
)

// Ref refers to an entity by 64 bits of its token under the current key and, after a rotation, the previous one. Zero
// means none. Tokens are keyed, so nobody can aim for a collision; among 10⁵ counterparties one happens with
// probability 3·10⁻¹⁰.
type Ref struct{ Current, Previous uint64 }

// NewRef derives the reference of a token pair.
func NewRef(p pix.TokenPair) Ref { return Ref{hashToken(p.Current), hashToken(p.Previous)} }

// IsZero reports whether r refers to nothing.
func (r Ref) IsZero() bool { return r.Current == 0 && r.Previous == 0 }

// key names the entity by one number. While a rotation lasts every event of the last 31 days carries the token of the old
// key, afterwards every one carries that of the new key: so one number names an entity throughout a window.
func (r Ref) key(rotating bool) uint64 {
	if rotating && r.Previous != 0 {
		return r.Previous
	}
	return r.Current
}

// Same reports whether r and o refer to the same entity, whichever keys their tokens were made with.
func (r Ref) Same(o Ref) bool {
	if r.Current != 0 && (r.Current == o.Current || r.Current == o.Previous) {
		return true
	}
	return r.Previous != 0 && (r.Previous == o.Current || r.Previous == o.Previous)
}

// hashToken is FNV-1a over the token's text; an empty token gives 0, and no other does.
func hashToken(t pix.Token) uint64 {
	if t == "" {
		return 0
	}
	h := uint64(14695981039346656037)
	for i := range len(t) {
		h = (h ^ uint64(t[i])) * 1099511628211
	}
	return max(h, 1)
}

// eventVersion is the first byte of a value. Later releases may append fields, which this one ignores; a change of
// meaning takes another version, which this one refuses.
const eventVersion = 1

// Errors of DecodeEvent. They never carry the value.
var (
	errEventVersion = errors.New("feature: event of an unknown version")
	errEventShort   = errors.New("feature: event is cut short")
	errEventAmount  = errors.New("feature: event amount out of bounds")
)

// AppendValue appends the cell value of e to b: version, presence bits, initiation, flags, amount as a varint, then
// eight bytes for each reference that is present; 14 to 45 bytes. Bit i of the presence bits stands for refs[i].
func (e *Event) AppendValue(b []byte) []byte {
	refs := [...]uint64{e.Counterparty.Current, e.Counterparty.Previous, e.Device.Current, e.Device.Previous}
	present := byte(0)
	for i, r := range refs {
		if r != 0 {
			present |= 1 << i
		}
	}
	b = append(b, eventVersion, present, e.Initiation, byte(e.Flags))
	b = binary.AppendUvarint(b, uint64(e.Amount))
	for _, r := range refs {
		if r != 0 {
			b = binary.LittleEndian.AppendUint64(b, r)
		}
	}
	return b
}

// DecodeEvent reads a cell back. Its errors never carry the value.
func DecodeEvent(id pix.EndToEndID, at int64, value []byte) (Event, error) {
	e := Event{At: at, ID: id}
	if len(value) < 5 {
		return e, errEventShort
	}
	if value[0] != eventVersion {
		return e, errEventVersion
	}
	present := value[1]
	e.Initiation, e.Flags = value[2], Flags(value[3])
	amount, n := binary.Uvarint(value[4:])
	if n <= 0 {
		return e, errEventShort
	}
	if amount > uint64(pix.MaxAmount) {
		return e, errEventAmount
	}
	e.Amount = pix.Money(amount)
	rest := value[4+n:]
	for i, r := range [...]*uint64{&e.Counterparty.Current, &e.Counterparty.Previous, &e.Device.Current, &e.Device.Previous} {
		if present&(1<<i) == 0 {
			continue
		}
		if len(rest) < 8 {
			return e, errEventShort
		}
		*r, rest = binary.LittleEndian.Uint64(rest), rest[8:]
	}
	return e, nil
}

// Stream is one family of one entity: Events, and Tiles that stand for more events. Tiles share no event with one another
// or with Events. Any order and any duplication of Events gives the same vector; ascending (At, ID) without duplicates,
// as Sort leaves it, is fast. Only a stream that is Busy may have tiles: of another, every event is wanted.
type Stream struct {
	Events []Event
	Tiles  []Tile
}

// History is what is known of one entity: Out and In of an account, Use of a device, Out of a pair.
type History struct {
	Out   Stream // payments it made
	In    Stream // payments it received
	Use   Stream // payments made from the device
	First Firsts
	Marks []Mark
}

// Histories is what a store returns for one payment. Pair is from payer to payee, Reverse from payee to payer.
type Histories struct{ Payer, Payee, Device, Pair, Reverse History }
