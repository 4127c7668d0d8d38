package bridge

import (
	"slices"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// redact empties every textual fact of a payment that failed validation unless its value is one that the contract
// defines: a producer that put a document or a name into the wrong field must not find it in the dead-letter topic.
// Numbers, times and tokens stay.
func redact(f *pix.Facts) {
	if _, err := pix.ParseEndToEndID(string(f.ID)); err != nil {
		f.ID = ""
	}
	keep(&f.Direction, pix.Outbound, pix.Inbound, pix.Internal)
	keep(&f.Initiation, pix.Manual, pix.ByKey, pix.DynamicQR, pix.StaticQR, pix.ByInitiator, pix.Automatic,
		pix.ContactlessDN, pix.ContactlessES)
	keep(&f.Purpose, pix.Payment, pix.Change, pix.Withdrawal, pix.Refund, pix.MEDReturn)
	keep(&f.Priority, pix.High, pix.Normal)
	keep(&f.ServiceLevel, pix.PriorityPayment, pix.ScheduledPayment, pix.FraudAnalysis)
	redactParty(&f.PayerFacts)
	redactParty(&f.PayeeFacts)
}

func redactParty(p *pix.PartyFacts) {
	if _, err := pix.ParseISPB(string(p.ISPB)); err != nil {
		p.ISPB = ""
	}
	keep(&p.AccountType, pix.Checking, pix.Savings, pix.Prepaid, pix.Salary, pix.Other, pix.UnknownAccount)
	keep(&p.Person, pix.NaturalPerson, pix.LegalPerson)
	keep(&p.KeyKind, pix.KeyCPF, pix.KeyCNPJ, pix.KeyPhone, pix.KeyEmail, pix.KeyEVP, pix.UnknownKey)
	p.AgeBand, p.State = "", ""
}

// keep empties v unless it is one of the values allowed.
func keep[T ~string](v *T, allowed ...T) {
	if !slices.Contains(allowed, *v) {
		*v = ""
	}
}
