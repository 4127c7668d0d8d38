package bridge

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// texts calls visit with every text among the facts.
func texts(f *pix.Facts, visit func(reflect.Value)) {
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			visit(v)
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(v.Field(i))
				}
			}
		}
	}
	walk(reflect.ValueOf(f).Elem())
}

// No text that a producer chose stays, in whatever field it is; what the contract defines does.
func TestRedactKeepsOnlyWhatTheContractDefines(t *testing.T) {
	t.Parallel()
	everything := cmp.Exporter(func(reflect.Type) bool { return true })
	var foreign, none pix.Facts
	texts(&foreign, func(v reflect.Value) { v.SetString("Maria Aparecida") })
	redact(&foreign)
	if diff := cmp.Diff(none, foreign, everything); diff != "" {
		t.Errorf("left of a name (-want +got):\n%s", diff)
	}
	party := pix.PartyFacts{ISPB: "1234567A", AccountType: pix.Salary, Person: pix.LegalPerson, KeyKind: pix.KeyEVP}
	want := pix.Facts{
		ID: "E12345678202611200300abcdefghijk", Direction: pix.Internal, Initiation: pix.ContactlessES, Purpose: pix.MEDReturn,
		Priority: pix.Normal, ServiceLevel: pix.FraudAnalysis, PayerFacts: party, PayeeFacts: party,
	}
	got := want
	got.PayerFacts.AgeBand, got.PayeeFacts.State = "25-34", "SP" // free text, as far as anybody can tell
	redact(&got)
	if diff := cmp.Diff(want, got, everything); diff != "" {
		t.Errorf("left of a payment (-want +got):\n%s", diff)
	}
}
