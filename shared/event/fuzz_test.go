package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func envelope(data []byte, asProto bool) event.Envelope {
	if asProto {
		return event.Envelope{Data: data, Attributes: attributes("encoding", "proto")}
	}
	return event.Envelope{Data: data}
}

func seed(f *testing.F, jsons [][]byte, protos ...event.Envelope) {
	f.Helper()
	for _, data := range append(jsons, []byte(""), []byte("{}"), []byte(`{"x":[[[]]]}`)) {
		f.Add(data, false)
	}
	for _, e := range protos {
		f.Add(e.Data, true)
	}
	f.Add([]byte{0xff}, true)
}

// FuzzDecodeTransaction: what is accepted is written and read back as the same payment.
func FuzzDecodeTransaction(f *testing.F) {
	tx := exampleTransaction(f)
	env, err := event.EncodeTransaction(&tx)
	if err != nil {
		f.Fatal(err)
	}
	seed(f, [][]byte{example(f)}, env)
	tokens := tokenizer(f)
	f.Fuzz(func(t *testing.T, data []byte, asProto bool) {
		got, err := event.DecodeTransaction(envelope(data, asProto), tokens, now())
		if err != nil {
			if k := pix.KindOf(err); k != pix.Invalid && k != pix.TooLarge {
				t.Fatalf("kind %v", k)
			}
			return
		}
		out, err := event.EncodeTransaction(&got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := event.DecodeTransaction(out, nil, now())
		if err != nil || again != got {
			t.Fatalf("%v\n%s", err, cmp.Diff(got, again, equal()))
		}
	})
}

func FuzzDecodeSubmissionJSON(f *testing.F) {
	f.Add(example(f))
	f.Add([]byte(`{"later":1,"direction":"X"}`))
	tokens := tokenizer(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := event.DecodeSubmissionJSON(data)
		if err != nil {
			return
		}
		_ = s.Validate(now())
		_ = tokens.Tokenize(&s)
		if _, err := event.EncodeSubmissionJSON(&s); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeDecision(f *testing.F) {
	d := pix.Decision{Transaction: exampleTransaction(f), Outcome: pix.Reject, Vector: []float64{1, 2}}
	env, err := event.EncodeDecision(&d)
	if err != nil {
		f.Fatal(err)
	}
	data, err := event.DecisionJSON(&d)
	if err != nil {
		f.Fatal(err)
	}
	seed(f, [][]byte{data}, env)
	f.Fuzz(func(t *testing.T, data []byte, asProto bool) {
		got, err := event.ReadDecision(envelope(data, asProto))
		want, refused := event.DecodeDecisionReference(envelope(data, asProto))
		if d := cmp.Diff(want, got, equal()); d != "" || (err == nil) != (refused == nil) || err != nil && err.Error() != refused.Error() {
			t.Fatalf("%v against %v\n%s", err, refused, d)
		}
		if err != nil {
			return
		}
		if got.Outcome.Severity() == 0 && got.Outcome != pix.Approve {
			t.Fatal("an approval by default")
		}
		if _, err := event.EncodeDecision(&got); err != nil {
			t.Fatal(err)
		}
		judged, err := event.DecodeDecision(envelope(data, asProto), now())
		if d := cmp.Diff(got, judged, equal()); err == nil && d != "" {
			t.Fatal(d)
		}
		if err == nil && judged.Transaction.EventTime.After(now().Add(24*time.Hour)) {
			t.Fatal("a payment of another day")
		}
	})
}

func FuzzDecodeAlert(f *testing.F) {
	tx := exampleTransaction(f)
	env, err := event.EncodeAlert(&pix.Alert{ID: tx.ID, EventTime: tx.EventTime, Outcome: pix.Block})
	if err != nil {
		f.Fatal(err)
	}
	seed(f, nil, env)
	f.Fuzz(func(t *testing.T, data []byte, asProto bool) {
		if a, err := event.DecodeAlert(envelope(data, asProto), now()); err == nil {
			if _, err := event.EncodeAlert(&a); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzDecodeStatus(f *testing.F) {
	tx := exampleTransaction(f)
	s := pix.Status{ID: tx.ID, EventTime: tx.EventTime, State: pix.Returned, OccurredAt: now(), Returned: 1,
		ReturnID: "D" + string(tx.ID[1:]), ReasonCode: "BE08"}
	env, err := event.EncodeStatus(&s)
	if err != nil {
		f.Fatal(err)
	}
	data, err := event.StatusJSON(&s)
	if err != nil {
		f.Fatal(err)
	}
	seed(f, [][]byte{data}, env)
	f.Fuzz(func(t *testing.T, data []byte, asProto bool) {
		got, err := event.DecodeStatus(envelope(data, asProto), now())
		if err != nil {
			return
		}
		out, err := event.EncodeStatus(&got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := event.DecodeStatus(out, now()); err != nil || again != got {
			t.Fatalf("%v\n%s", err, cmp.Diff(got, again))
		}
	})
}

func FuzzDecodeLabel(f *testing.F) {
	tx := exampleTransaction(f)
	l := pix.Label{ID: tx.ID, EventTime: tx.EventTime, ArrivedAt: now(), Source: "DESK"}
	env, err := event.EncodeLabel(&l)
	if err != nil {
		f.Fatal(err)
	}
	data, err := event.EncodeLabelJSON(&l)
	if err != nil {
		f.Fatal(err)
	}
	seed(f, [][]byte{data}, env)
	f.Fuzz(func(t *testing.T, data []byte, asProto bool) {
		if l, err := event.DecodeLabel(envelope(data, asProto), now()); err == nil {
			if l.ArrivedAt.After(now().Add(pix.MaxClockSkew)) || l.EventTime.After(now().Add(pix.MaxClockSkew)) {
				t.Fatal("a label of the future")
			}
			if _, err := event.EncodeLabel(&l); err != nil {
				t.Fatal(err)
			}
		}
	})
}
