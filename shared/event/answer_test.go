package event_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestAnswerIsPartOfTheDecision: what both have is the same, by name and by form.
func TestAnswerIsPartOfTheDecision(t *testing.T) {
	t.Parallel()
	d := pix.Decision{
		Transaction: exampleTransaction(t), Outcome: pix.Block, DecidedAt: now(), HoldUntil: now().Add(72 * time.Hour), Provisional: true,
		FeaturesMissing: true, Vector: []float64{math.NaN()}, PolicyVersion: "p", FeatureSet: "f", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
		Reasons: []pix.Reason{{Code: "a", TextPT: "b < c", TextEN: "d & e"}},
		Scores:  []pix.Score{{Role: pix.PayerRole, Version: "1", Raw: math.NaN()}},
	}
	short, err := event.AnswerJSON(&d)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := event.DecisionJSON(&d)
	if err != nil {
		t.Fatal(err)
	}
	var a, b map[string]any
	if json.Unmarshal(short, &a) != nil || json.Unmarshal(whole, &b) != nil {
		t.Fatalf("%s\n%s", short, whole)
	}
	if a["endToEndId"] != string(d.ID()) || !cmp.Equal(a["modelVersions"], map[string]any{"payer": "1"}) {
		t.Errorf("%s", short)
	}
	delete(a, "endToEndId")
	delete(a, "modelVersions")
	for name, value := range a {
		if diff := cmp.Diff(b[name], value); diff != "" {
			t.Errorf("%s (-decision +answer):\n%s", name, diff)
		}
	}
	for _, o := range []pix.Outcome{"", "MAYBE"} {
		d.Outcome = o
		if data, err := event.AnswerJSON(&d); pix.KindOf(err) != pix.Invalid || data != nil {
			t.Errorf("outcome %q is answered: %s, %v", o, data, err)
		}
	}
}

// TestAnswerInBothEncodings: the message says what the JSON says, in the JSON mapping's own words.
func TestAnswerInBothEncodings(t *testing.T) {
	t.Parallel()
	whole := pix.Decision{
		Transaction: exampleTransaction(t), Outcome: pix.Block, DecidedAt: now(), HoldUntil: now().Add(72 * time.Hour),
		PolicyVersion: "p", FeatureSet: "f", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
		Reasons: []pix.Reason{{Code: "a", TextPT: "b < c", TextEN: "d & e"}},
		Scores:  []pix.Score{{Role: pix.PayerRole, Version: "1"}, {Role: pix.ReceiverRole, Version: "2"}},
	}
	bare := pix.Decision{Transaction: exampleTransaction(t), Outcome: pix.Review, DecidedAt: now(), Provisional: true, FeaturesMissing: true}
	for name, d := range map[string]*pix.Decision{"whole": &whole, "bare": &bare} {
		text, err := event.AnswerJSON(d)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := event.AnswerProto(d)
		if err != nil {
			t.Fatal(err)
		}
		var fromText, fromProto pixv1.Answer
		if err := errors.Join(protojson.Unmarshal(text, &fromText), proto.Unmarshal(packed, &fromProto)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&fromText, &fromProto, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-JSON +proto):\n%s", name, diff)
		}
		// A false that is left out would make an answer that was cut read as a decision that stands.
		fields := fromProto.ProtoReflect().Descriptor().Fields()
		for _, member := range []protoreflect.Name{"provisional", "features_missing"} {
			if f := fields.ByName(member); !f.HasPresence() || !fromProto.ProtoReflect().Has(f) {
				t.Errorf("%s: %s is not on the wire", name, member)
			}
		}
	}
	if data, err := event.AnswerProto(&pix.Decision{Transaction: exampleTransaction(t)}); pix.KindOf(err) != pix.Invalid || data != nil {
		t.Errorf("without an outcome: %v, %v", data, err)
	}
}

// TestTraceIDsPassInTheirForm: anything else in its place is read as none, and the decision with it.
func TestTraceIDsPassInTheirForm(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"4bf92f3577b34da6a3ce929d0e0e4736": "4bf92f3577b34da6a3ce929d0e0e4736", "52998224725": "", "Maria da Silva": "", "": "",
	} {
		d := pix.Decision{Transaction: exampleTransaction(t), Outcome: pix.Reject, TraceID: id}
		e, err := event.EncodeDecision(&d)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := event.DecodeDecision(e, now()); err != nil || got.TraceID != want {
			t.Errorf("%q: %q, %v", id, got.TraceID, err)
		}
	}
}
