package event_test

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// equal compares by content, NaN equal to NaN and absent facts included.
func equal() cmp.Options {
	return cmp.Options{
		cmpopts.EquateNaNs(), cmpopts.EquateEmpty(),
		cmp.AllowUnexported(pix.Optional[int64]{}, pix.Optional[bool]{}, pix.Optional[time.Time]{},
			pix.Optional[time.Duration]{}, pix.Optional[pix.Money]{}),
	}
}

func TestSubmissionRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := draw{t: t}.submission()
		if err := want.Validate(now()); err != nil {
			t.Fatal(err)
		}
		data, err := event.EncodeSubmissionJSON(&want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.DecodeSubmissionJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		// cmp would print masks; the values are compared, not shown.
		if got != want {
			t.Fatalf("a submission changed on its way:\n%s", cmp.Diff(want.Facts, got.Facts, equal()))
		}
	})
}

func TestTransactionRoundTrip(t *testing.T) {
	t.Parallel()
	tokens := tokenizer(t)
	rapid.Check(t, func(t *rapid.T) {
		s := draw{t: t}.submission()
		want := tokens.Tokenize(&s)
		env, err := event.EncodeTransaction(&want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.DecodeTransaction(env, nil, now())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, equal()); d != "" {
			t.Fatal(d)
		}
		if env.Attributes[event.AttrEventID] != string(want.ID) {
			t.Fatal("the envelope does not name its payment")
		}
	})
}

// TestEveryFieldTravels fails when a fact is added to the domain and forgotten in the codec or in the fixture.
func TestEveryFieldTravels(t *testing.T) {
	t.Parallel()
	tokens := tokenizer(t)
	rapid.Check(t, func(t *rapid.T) {
		s := draw{t: t, full: true}.submission()
		for _, field := range zeroFields(reflect.ValueOf(s), "Submission") {
			t.Fatalf("%s is not filled by the fixture", field)
		}
		tx := tokens.Tokenize(&s)
		for _, field := range zeroFields(reflect.ValueOf(tx), "Transaction") {
			t.Fatalf("%s is lost by the tokeniser", field)
		}
		for _, field := range zeroFields(reflect.ValueOf(draw{t: t, full: true}.status()), "Status") {
			t.Fatalf("%s is not filled by the fixture", field)
		}
		for _, field := range zeroFields(reflect.ValueOf(draw{t: t, full: true}.decision(tx)), "Decision") {
			if !slices.Contains([]string{"Decision.Unrecorded", "Decision.Published", "Decision.Lack", "Decision.Stored"}, field) { // none is part of what is sent
				t.Fatalf("%s is not filled by the fixture", field)
			}
		}
	})
}

func zeroFields(v reflect.Value, path string) []string {
	var found []string
	for i := range v.NumField() {
		f, name := v.Field(i), path+"."+v.Type().Field(i).Name
		if _, isTime := f.Interface().(time.Time); !isTime && f.Kind() == reflect.Struct && f.NumField() > 0 &&
			f.Type().Field(0).IsExported() {
			found = append(found, zeroFields(f, name)...)
		} else if f.IsZero() {
			found = append(found, name)
		}
	}
	return found
}

func (d draw) decision(tx pix.Transaction) pix.Decision {
	vector := rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(math.Inf(-1))), 0, 60)
	return pix.Decision{
		Transaction: tx, Outcome: one(d, pix.Approve, pix.Review, pix.Block, pix.Reject),
		HoldUntil: tx.EventTime.Add(time.Hour),
		Reasons:   []pix.Reason{{Code: "night-limit", TextPT: "limite noturno", TextEN: "night limit"}},
		RuleHits:  []pix.RuleHit{{ID: "night-limit", Outcome: pix.Review, LegalBasis: "Res. BCB 142", Lifted: true}},
		Scores: []pix.Score{{Role: pix.PayerRole, Version: "7", Raw: -3.25, Probability: 0.037,
			Top: []pix.Contribution{{Feature: "amount", Value: math.NaN(), Contribution: 0.5}}}, {Role: pix.ReceiverRole}},
		Shadow: []pix.Score{{Role: pix.PayerRole, Version: "8", Raw: 1.5, Probability: 0.5, Outcome: pix.Review}}, Provisional: d.has(),
		Vector: vector.Draw(d.t, "vector"), FeatureSet: "1", FeaturesMissing: true, PolicyVersion: "2026.11",
		DecidedAt: tx.EventTime.Add(7 * time.Millisecond), StoreLatency: 3, ScoreLatency: 4, TotalLatency: time.Second,
		TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
	}
}

func TestDecisionRoundTrip(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	rapid.Check(t, func(t *rapid.T) {
		want := draw{t: t}.decision(tx)
		proto, err := event.EncodeDecision(&want)
		if err != nil {
			t.Fatal(err)
		}
		json, err := event.DecisionJSON(&want)
		if err != nil {
			t.Fatal(err)
		}
		reference, err := event.EncodeDecisionReference(&want)
		if d := cmp.Diff(reference, proto); d != "" || err != nil {
			t.Fatalf("%v, written otherwise than by the reference: %s", err, d)
		}
		other := want
		other.Transaction.Amount++
		second, err := event.EncodeDecision(&other)
		if err != nil {
			t.Fatal(err)
		}
		twice := event.Envelope{Data: append(proto.Data[:len(proto.Data):len(proto.Data)], second.Data...), Attributes: proto.Attributes}
		want2, err := event.DecodeDecisionReference(twice)
		if got2, err2 := event.ReadDecision(twice); err != nil || err2 != nil || cmp.Diff(want2, got2, equal()) != "" {
			t.Fatalf("merged otherwise than by the reference: %v, %v", err, err2)
		}
		for _, env := range []event.Envelope{proto, {Data: json}} {
			got, err := event.DecodeDecision(env, now())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, equal()); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func TestAlertRoundTrip(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	want := pix.Alert{
		ID: tx.ID, EventTime: tx.EventTime, RaisedAt: now(), Direction: tx.Direction, Outcome: pix.Block,
		Amount: tx.Amount, Payer: tx.Payer.Account.Current, Payee: tx.Payee.Account.Current,
		PayerISPB: tx.PayerFacts.ISPB, PayeeISPB: tx.PayeeFacts.ISPB, Score: math.NaN(),
		Reasons: []pix.Reason{{Code: "c", TextPT: "p", TextEN: "e"}}, HoldUntil: now().Add(72 * time.Hour),
	}
	env, err := event.EncodeAlert(&want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := event.DecodeAlert(env, now())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, equal()); d != "" {
		t.Error(d)
	}
}

func TestStatusRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := draw{t: t}.status()
		proto, err := event.EncodeStatus(&want)
		if err != nil {
			t.Fatal(err)
		}
		json, err := event.StatusJSON(&want)
		if err != nil {
			t.Fatal(err)
		}
		for _, env := range []event.Envelope{proto, {Data: json}} {
			got, err := event.DecodeStatus(env, now())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, equal()); d != "" {
				t.Fatal(d)
			}
		}
		if proto.Attributes[event.AttrEventID] != string(want.ID) || proto.Attributes[event.AttrSchema] != "pix.v1.Status" {
			t.Fatal("the envelope does not say what it is")
		}
	})
}

func TestLabelRoundTrip(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	want := pix.Label{
		ID: tx.ID, EventTime: tx.EventTime, ArrivedAt: now(), Fraud: true, Typology: "account_takeover", Source: "MED",
		Amount: 5, PayerToken: tx.Payer.Account.Current, PayeeToken: tx.Payee.Account.Current,
	}
	proto, err := event.EncodeLabel(&want)
	if err != nil {
		t.Fatal(err)
	}
	json, err := event.EncodeLabelJSON(&want)
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []event.Envelope{proto, {Data: json}} {
		got, err := event.DecodeLabel(env, now())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, equal()); d != "" {
			t.Error(d)
		}
	}
}
