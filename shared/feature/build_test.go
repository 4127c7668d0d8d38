package feature

import (
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// base is the event time of the payment under test: a Friday, 15:30 in São Paulo.
func base() time.Time { return time.Date(2026, 1, 16, 18, 30, 0, 0, time.UTC) }

func token(kind pix.TokenKind, version, n int) pix.Token {
	return pix.Token(fmt.Sprintf("%s.%d.%021dA", kind, version, n))
}

func pair(kind pix.TokenKind, n int) pix.TokenPair { return pix.TokenPair{Current: token(kind, 1, n)} }

func id(n int) pix.EndToEndID { return pix.EndToEndID(fmt.Sprintf("E12345678202601161830%011d", n)) }

// idOfPayment is in the middle of the ids that tests give to events.
const idOfPayment = 500

// payment is from account 1 to account 2 with device 1.
func payment() pix.Transaction {
	return pix.Transaction{
		Facts: pix.Facts{
			ID: id(idOfPayment), EventTime: base(), Direction: pix.Internal, Amount: 150_00, Initiation: pix.ByKey,
			PayerFacts: pix.PartyFacts{ISPB: "12345678"}, PayeeFacts: pix.PartyFacts{ISPB: "87654321", KeyKind: pix.KeyEVP},
		},
		Payer:       pix.Party{Account: pair(pix.AccountToken, 1)},
		Payee:       pix.Party{Account: pair(pix.AccountToken, 2)},
		DeviceToken: pair(pix.DeviceToken, 1),
	}
}

// event is n, age before the payment, between the account and counterparty.
func event(n int, age time.Duration, counterparty int, amount pix.Money) Event {
	return Event{
		At: base().Add(-age).UnixMilli(), ID: id(n), Amount: amount,
		Counterparty: NewRef(pair(pix.AccountToken, counterparty)), Device: NewRef(pair(pix.DeviceToken, n%3)),
		Initiation: initiationCode(pix.ByKey),
	}
}

// full is a payment in which every optional fact is given.
func full() pix.Transaction {
	tx := payment()
	ago := func(d time.Duration) pix.Optional[time.Time] { return pix.Some(base().Add(-d)) }
	const days = 24 * time.Hour
	tx.TxIDToken = pair(pix.ChargeToken, 1)
	tx.PayerFacts = pix.PartyFacts{
		ISPB: "12345678", AccountType: pix.Checking, Person: pix.NaturalPerson, KeyKind: pix.KeyCPF,
		AccountOpenedAt: ago(400 * days), Balance: pix.Some(pix.Money(600_00)), DailyLimit: pix.Some(pix.Money(1000_00)),
		LimitChangedAt: ago(47 * time.Hour), KeyChangedAt: ago(90 * days), TrustedPayee: pix.Some(false),
	}
	tx.PayeeFacts = pix.PartyFacts{
		ISPB: "87654321", Person: pix.LegalPerson, KeyKind: pix.KeyEVP, AccountOpenedAt: ago(12 * days),
		Balance: pix.Some(pix.Money(50_00)),
	}
	tx.Device = pix.DeviceFacts{
		FirstSeenAt: ago(90 * time.Minute), Registered: pix.Some(true), RemoteAccess: pix.Some(false),
		CallActive: pix.Some(true), Emulator: pix.Some(false),
	}
	tx.Session = pix.SessionFacts{
		Duration: pix.Some(95 * time.Second), FailedLogins: pix.Some(int64(2)), PasswordReset: ago(5 * time.Hour),
		PastedKey: pix.Some(true), DistanceMetres: pix.Some(int64(12_500)),
	}
	tx.Mandate = pix.MandateFacts{
		CreatedAt: ago(40 * days), FirstCharge: pix.Some(true), InitiatorOpened: ago(800 * days),
		InitiatorPayment: pix.Some(int64(12)),
	}
	counter := func(a, b, c int64) pix.DICTCounter {
		return pix.DICTCounter{D3: pix.Some(a), D30: pix.Some(b), M6: pix.Some(c)}
	}
	tx.DICT = pix.DICTSnapshot{
		Watermark: ago(6 * time.Hour), KeyCreatedAt: ago(20 * days), KeyOwnedSince: ago(15 * days),
		AccountOpenedAt: ago(13 * days), ClaimOpenedAt: ago(2 * days), Settlements: counter(5, 50, 500),
		FraudsReported: counter(1, 2, 3), FraudsConfirmed: counter(0, 1, 2), MuleMarkers: pix.Some(int64(1)),
		ScammerMarkers: pix.Some(int64(0)), DistinctReporters: pix.Some(int64(2)),
		OpenInfractions: pix.Some(int64(1)), RegisteredAccts: pix.Some(int64(4)),
	}
	long := func(a, b, c int64) pix.DICTLongCounter {
		return pix.DICTLongCounter{D90: pix.Some(a), M12: pix.Some(b), M60: pix.Some(c)}
	}
	tx.DICT.Long = pix.DICTLong{
		Watermark: ago(9 * time.Hour), Settlements: long(100, 500, 1000), ApplicationFrauds: long(0, 1, 2),
		FraudCentavos: long(0, 150_00, 900_00),
	}
	return tx
}

// someHistory has events of every stream, with statuses, first-ever facts and marks.
func someHistory() *Histories {
	h := &Histories{}
	first := func(n int, days int64) First { return First{At: base().UnixMilli() - days*day, ID: id(n)} }
	h.Payer.First.Out, h.Payee.First.In, h.Device.First.Use = first(11, 200), first(12, 90), first(13, 45)
	h.Pair.First.Out, h.Reverse.First.Out = first(14, 60), first(15, 61)
	mark := func(n int, days int64, role MarkRole) Mark {
		at := base().UnixMilli() - days*day
		return Mark{At: at, Paid: at - day, ID: id(n), Source: "MED", Role: role, Fraud: true}
	}
	h.Payer.Marks = SortMarks([]Mark{mark(21, 40, RoleVictim), mark(22, 10, RoleVictim), mark(23, 20, RoleBeneficiary)})
	h.Payee.Marks = SortMarks([]Mark{mark(24, 3, RoleBeneficiary), mark(25, 35, RoleBeneficiary), mark(26, 1, RoleVictim)})
	h.Device.Marks = SortMarks([]Mark{mark(27, 5, RoleDevice)})
	for n := range 12 {
		age := time.Duration(n*n*n)*time.Hour/4 + time.Duration(n)*time.Millisecond
		h.Payer.Out.Events = append(h.Payer.Out.Events, event(n, age+time.Second, 2+n%4, pix.Money(100_00+n*1777)))
		h.Payer.In.Events = append(h.Payer.In.Events, event(100+n, 2*age+time.Minute, 2+n%3, pix.Money(300_00+n)))
		h.Payee.In.Events = append(h.Payee.In.Events, event(200+n, age/2+20*time.Second, 1+n, pix.Money(10_00*(n+1))))
		h.Payee.Out.Events = append(h.Payee.Out.Events, event(300+n, age+5*time.Minute, 50+n%5, pix.Money(9_00*(n+1))))
		h.Device.Use.Events = append(h.Device.Use.Events, event(400+n, age+time.Second, 1+n%2, pix.Money(5_00)))
		h.Pair.Out.Events = append(h.Pair.Out.Events, event(n, 3*age+time.Second, 0, pix.Money(100_00+n*1000)))
		h.Reverse.Out.Events = append(h.Reverse.Out.Events, event(100+n, 4*age+time.Second, 0, pix.Money(100_00+n*1000)))
		if n%2 == 0 {
			h.Payer.Out.Events[n].State, h.Payee.In.Events[n].State = StateSettled, StateSettled
		}
		if n%5 == 0 {
			h.Payer.Out.Events[n].Returned, h.Payee.In.Events[n].Returned = 5_00, 10_00
		}
	}
	h.Payer.Out.Events[1].State = StateRejected
	return h
}
