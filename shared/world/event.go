package world

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Typology names a kind of fraud. The set is closed.
type Typology string

// The typologies that this world plays.
const (
	AccountTakeover Typology = "account_takeover"
	FakeBankCall    Typology = "fake_bank_call"
	ClonedWhatsApp  Typology = "cloned_whatsapp"
	SwappedQR       Typology = "swapped_qr"
	MuleAccount     Typology = "mule_account"
	Structuring     Typology = "structuring"
)

// Typologies returns the closed set in a fixed order.
func Typologies() []Typology {
	return []Typology{AccountTakeover, FakeBankCall, ClonedWhatsApp, SwappedQR, MuleAccount, Structuring}
}

// LookAlike names legitimate behaviour that resembles a fraud. The set is closed.
type LookAlike string

// The look-alikes that this world plays.
const (
	PayDaySpree    LookAlike = "pay_day_spree"
	MovingHouse    LookAlike = "moving_house"
	NewPhone       LookAlike = "new_phone"
	BigPurchase    LookAlike = "big_purchase"
	GiftCollection LookAlike = "gift_collection"
	StreetSeller   LookAlike = "street_seller"
	ShopOpening    LookAlike = "shop_opening"
	DayWages       LookAlike = "day_wages"
)

// LookAlikes returns the closed set in a fixed order.
func LookAlikes() []LookAlike {
	return []LookAlike{
		PayDaySpree, MovingHouse, NewPhone, BigPurchase, GiftCollection, StreetSeller, ShopOpening, DayWages,
	}
}

// Event is one payment that touches our institution, with the truth that only the simulator knows.
type Event struct {
	Submission pix.Submission
	Fraud      bool      // the truth, whether or not anybody reports it
	Typology   Typology  // empty when not fraud
	LookAlike  LookAlike // empty when fraud or ordinary
	Weight     float64   // how many payments of the unboosted world this one stands for: 1/FraudBoost for fraud
	Reports    []Report  // what will become known of it, oldest first; mostly empty
}

// Report is what somebody will say of a payment, and when we shall learn it.
type Report struct {
	ArrivedAt time.Time // UTC
	Fraud     bool
	Typology  Typology // as reported; empty when not fraud
	Source    string   // MED or DESK
	Amount    pix.Money
}

// LabelAt returns when the first report arrives, zero when none ever does.
func (e *Event) LabelAt() time.Time {
	if len(e.Reports) == 0 {
		return time.Time{}
	}
	return e.Reports[0].ArrivedAt
}

// Labels returns the reports as labels. Account tokens stay empty: the label's consumer finds them by EndToEndID.
func (e *Event) Labels() []pix.Label {
	labels := make([]pix.Label, len(e.Reports))
	for i, r := range e.Reports {
		labels[i] = pix.Label{
			ID: e.Submission.ID, EventTime: e.Submission.EventTime, ArrivedAt: r.ArrivedAt,
			Fraud: r.Fraud, Typology: string(r.Typology), Source: r.Source, Amount: r.Amount,
		}
	}
	return labels
}
