package feature

import "github.com/sentinela-pix/sentinela/shared/pix"

// Families of the feature table. A family holds one cell per payment.
const (
	FamilyOut = "out" // of an account: payments it made
	FamilyIn  = "in"  // of an account: payments it received
	FamilyUse = "use" // of a device: payments made from it
)

// Row prefixes.
const (
	accountPrefix = "acct#"
	devicePrefix  = "dev#"
)

// Row names the rows of one entity: Current is written and read, Previous (empty unless the token key was rotated less
// than 31 days ago) is read only.
type Row struct{ Current, Previous string }

// EntityRows names the rows of one payment's entities. A Row is empty when the payment does not name the entity.
type EntityRows struct{ Payer, Payee, Device Row }

// Rows names the rows to read for a payment.
func Rows(tx *pix.Transaction) EntityRows {
	return EntityRows{
		Payer:  newRow(accountPrefix, tx.Payer.Account),
		Payee:  newRow(accountPrefix, tx.Payee.Account),
		Device: newRow(devicePrefix, tx.DeviceToken),
	}
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

// Write is one cell that a payment leaves behind.
type Write struct {
	Row    string
	Family string
	Event  Event
}

// Writes lists the cells of a payment: one for each of payer, payee and device that it names.
func Writes(tx *pix.Transaction) []Write {
	payer, payee, device := NewRef(tx.Payer.Account), NewRef(tx.Payee.Account), NewRef(tx.DeviceToken)
	event := Event{
		At: tx.EventTime.UnixMilli(), ID: tx.ID, Amount: tx.Amount,
		Device: device, Initiation: initiationCode(tx.Initiation), Flags: directionFlags(tx.Direction),
	}
	rows := Rows(tx)
	writes := make([]Write, 0, 3)
	add := func(row, family string, counterparty Ref) {
		if row == "" {
			return
		}
		e := event
		e.Counterparty = counterparty
		writes = append(writes, Write{Row: row, Family: family, Event: e})
	}
	add(rows.Payer.Current, FamilyOut, payee)
	add(rows.Payee.Current, FamilyIn, payer)
	add(rows.Device.Current, FamilyUse, payer)
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
