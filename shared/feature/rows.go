package feature

import "github.com/sentinela-pix/sentinela/shared/pix"

// Families of the feature table. The first three are streams: one cell per payment, and one per status of it.
const (
	FamilyOut   = "out"   // of an account or a pair: payments it made
	FamilyIn    = "in"    // of an account: payments it received
	FamilyUse   = "use"   // of a device: payments made from it
	FamilyFirst = "first" // earliest event of each stream
	FamilyMark  = "mark"  // reports of fraud
)

// Row prefixes.
const (
	accountPrefix = "acct#"
	devicePrefix  = "dev#"
	pairPrefix    = "pair#"
)

// Row names the rows of one entity: Current is written and read, Previous (empty unless the token key was rotated less
// than 31 days ago) is read only.
type Row struct{ Current, Previous string }

// EntityRows names the rows of one payment's entities: Pair is from payer to payee, Reverse from payee to payer. A Row is
// empty when the payment does not name the entity.
type EntityRows struct{ Payer, Payee, Device, Pair, Reverse Row }

// Rows names the rows to read for a payment.
func Rows(tx *pix.Transaction) EntityRows {
	return EntityRows{
		Payer:   newRow(accountPrefix, tx.Payer.Account),
		Payee:   newRow(accountPrefix, tx.Payee.Account),
		Device:  newRow(devicePrefix, tx.DeviceToken),
		Pair:    newPairRow(tx.Payer.Account, tx.Payee.Account),
		Reverse: newPairRow(tx.Payee.Account, tx.Payer.Account),
	}
}

// newPairRow names a pair by both tokens of one key version. While a rotation lasts both accounts have a previous one.
func newPairRow(from, to pix.TokenPair) Row {
	var r Row
	if from.Current != "" && to.Current != "" {
		r.Current = pairPrefix + string(from.Current) + "#" + string(to.Current)
	}
	if from.Previous != "" && to.Previous != "" {
		r.Previous = pairPrefix + string(from.Previous) + "#" + string(to.Previous)
	}
	return r
}

func newRow(prefix string, p pix.TokenPair) Row {
	var r Row
	if p.Current != "" {
		r.Current = prefix + string(p.Current)
	}
	if p.Previous != "" {
		r.Previous = prefix + string(p.Previous)
	}
	return r
}

// Write is one event that a payment leaves behind.
type Write struct {
	Row      string
	Previous string // the entity's row before a rotation of the token key; read only
	Family   string
	Event    Event
}

// Writes lists the events of a payment: one for each of payer, payee, device and pair that it names.
func Writes(tx *pix.Transaction) []Write {
	payer, payee, device := NewRef(tx.Payer.Account), NewRef(tx.Payee.Account), NewRef(tx.DeviceToken)
	event := Event{
		At: tx.Moment().UnixMilli(), ID: tx.ID, Amount: tx.Amount,
		Device: device, Initiation: initiationCode(tx.Initiation), Flags: directionFlags(tx.Direction),
	}
	rows := Rows(tx)
	writes := make([]Write, 0, 4)
	add := func(row Row, family string, counterparty Ref) {
		if row.Current == "" {
			return
		}
		e := event
		e.Counterparty = counterparty
		writes = append(writes, Write{Row: row.Current, Previous: row.Previous, Family: family, Event: e})
	}
	add(rows.Payer, FamilyOut, payee)
	add(rows.Payee, FamilyIn, payer)
	add(rows.Device, FamilyUse, payer)
	event.Device = Ref{}
	add(rows.Pair, FamilyOut, Ref{})
	return writes
}

func directionFlags(d pix.Direction) Flags {
	switch d {
	case pix.Inbound:
		return FlagInbound
	case pix.Internal:
		return FlagInternal
	default:
		return 0
	}
}

// initiationCode numbers the initiation forms for one byte of a cell; the numbers never change meaning, 0 is unknown.
func initiationCode(i pix.Initiation) uint8 {
	switch i {
	case pix.Manual:
		return 1
	case pix.ByKey:
		return 2
	case pix.DynamicQR:
		return 3
	case pix.StaticQR:
		return 4
	case pix.ByInitiator:
		return 5
	case pix.Automatic:
		return 6
	case pix.ContactlessDN:
		return 7
	case pix.ContactlessES:
		return 8
	default:
		return 0
	}
}
