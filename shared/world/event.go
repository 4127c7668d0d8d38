package world

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Typologies returns those that this world plays, in a fixed order.
func Typologies() []pix.Typology {
	return []pix.Typology{
		pix.AccountTakeover, pix.FakeBankCall, pix.ClonedWhatsApp, pix.SwappedQR, pix.MuleAccount, pix.Structuring,
		pix.Coercion, pix.MEDAbuse, pix.InstitutionBreach, pix.AutomaticAbuse,
	}
}

// 1 + the index of typologies that the code treats in a way of their own.
const (
	muleAccountID = 5  // 1 + its index
	medAbuseID    = 8  // 1 + its index
	breachID      = 9  // 1 + its index
	automaticID   = 10 // 1 + its index
)

// LookAlike names legitimate behaviour that resembles a fraud. The set is closed.
type LookAlike string

// The look-alikes that this world plays.
const (
	PayDaySpree     LookAlike = "pay_day_spree"
	MovingHouse     LookAlike = "moving_house"
	NewPhone        LookAlike = "new_phone"
	BigPurchase     LookAlike = "big_purchase"
	GiftCollection  LookAlike = "gift_collection"
	StreetSeller    LookAlike = "street_seller"
	ShopOpening     LookAlike = "shop_opening"
	DayWages        LookAlike = "day_wages"
	NightOut        LookAlike = "night_out"
	WrongTransfer   LookAlike = "wrong_transfer"
	TreasuryDay     LookAlike = "treasury_day"
	NewSubscription LookAlike = "new_subscription"
)

// LookAlikes returns the closed set in a fixed order.
func LookAlikes() []LookAlike {
	return []LookAlike{
		PayDaySpree, MovingHouse, NewPhone, BigPurchase, GiftCollection, StreetSeller, ShopOpening, DayWages, NightOut,
		WrongTransfer, TreasuryDay, NewSubscription,
	}
}

// Pairs names for each typology the look-alike that shares its signals most.
func Pairs() map[pix.Typology]LookAlike {
	return map[pix.Typology]LookAlike{
		pix.AccountTakeover: NewPhone, pix.FakeBankCall: BigPurchase, pix.ClonedWhatsApp: GiftCollection,
		pix.SwappedQR: StreetSeller, pix.MuleAccount: ShopOpening, pix.Structuring: DayWages, pix.Coercion: NightOut, pix.MEDAbuse: WrongTransfer,
		pix.InstitutionBreach: TreasuryDay, pix.AutomaticAbuse: NewSubscription,
	}
}

// Role is what an account is in a campaign. The set is closed; most accounts have none.
type Role string

// The roles.
const (
	Victim      Role = "victim"
	Accomplice  Role = "accomplice"  // pays the bait of MED abuse
	Institution Role = "institution" // whose treasury is drained
	Mule        Role = "mule"
	Collector   Role = "collector" // a company of the gang's: later layers, and charges of Pix Automático
	CashOut     Role = "cash_out"  // an honest exchange or shop through which money leaves Pix
)

// Event is one payment that touches our institution, with the truth that only the simulator knows.
type Event struct {
	Submission pix.Submission
	Fraud      bool         // the truth, whether or not anybody reports it
	Typology   pix.Typology // empty when not fraud
	LookAlike  LookAlike    // empty when fraud or ordinary
	Campaign   int32        // numbers the campaign of a fraud or look-alike from 1; 0 when ordinary
	Layer      int          // of a fraud: 0 is the victim's payment, then the mules' own
	PayerRole  Role
	PayeeRole  Role
	Payer      int32    // the simulator's numbers of both accounts
	Payee      int32    //
	Rejected   bool     // it will not be settled
	Weight     float64  // payments of the unboosted world that this one stands for
	Reports    []Report // what will become known of it, oldest first; mostly empty
}

// Report is what somebody will say of a payment, and when we shall learn it.
type Report struct {
	ArrivedAt time.Time // UTC
	Fraud     bool
	Typology  pix.Typology // as reported; empty when not fraud
	Source    string       // MED or DESK
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
			Fraud: r.Fraud, Typology: r.Typology, Source: r.Source, Amount: r.Amount,
		}
	}
	return labels
}
