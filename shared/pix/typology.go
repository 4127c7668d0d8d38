package pix

import (
	"slices"
	"strings"
)

// Typology is a kind of fraud, as a label names it. The set is closed: free text would be a way past the tokeniser.
type Typology string

// Kinds of fraud. The first ten are those of docs/domain.md; the rest are DICT's own FraudType where it says less
// (MULE_ACCOUNT is MuleAccount).
const (
	AccountTakeover   Typology = "account_takeover"
	FakeBankCall      Typology = "fake_bank_call"
	ClonedWhatsApp    Typology = "cloned_whatsapp"
	SwappedQR         Typology = "swapped_qr"
	MuleAccount       Typology = "mule_account"
	Structuring       Typology = "structuring"
	Coercion          Typology = "coercion"
	MEDAbuse          Typology = "med_abuse"
	InstitutionBreach Typology = "institution_breach"
	AutomaticAbuse    Typology = "pix_automatico_abuse"
	ApplicationFraud  Typology = "application_fraud"
	ScammerAccount    Typology = "scammer_account"
	OtherFraud        Typology = "other"
	UnknownFraud      Typology = "unknown"
)

// Typologies returns the closed set in a fixed order.
func Typologies() []Typology {
	return []Typology{
		AccountTakeover, FakeBankCall, ClonedWhatsApp, SwappedQR, MuleAccount, Structuring, Coercion, MEDAbuse,
		InstitutionBreach, AutomaticAbuse, ApplicationFraud, ScammerAccount, OtherFraud, UnknownFraud,
	}
}

// typologyProblem says which values there are when t is none of them. A label may have none.
func typologyProblem(t Typology) string {
	all := Typologies()
	if t == "" || slices.Contains(all, t) {
		return ""
	}
	names := make([]string, len(all))
	for i, known := range all {
		names[i] = string(known)
	}
	return "must be one of " + strings.Join(names, ", ")
}
