package event_test

import (
	"testing"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func BenchmarkDecodeTransaction(b *testing.B) {
	tx, tokens := exampleTransaction(b), tokenizer(b)
	env, err := event.EncodeTransaction(&tx)
	if err != nil {
		b.Fatal(err)
	}
	for name, e := range map[string]event.Envelope{"proto": env, "json_raw": {Data: example(b)}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(e.Data)))
			for b.Loop() {
				if _, err := event.DecodeTransaction(e, tokens, now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeTransaction(b *testing.B) {
	tx := exampleTransaction(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.EncodeTransaction(&tx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeSubmissionJSON(b *testing.B) {
	s, err := event.DecodeSubmissionJSON(example(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.EncodeSubmissionJSON(&s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReference is what the short way of decoding is measured against: through the generated message.
func BenchmarkReference(b *testing.B) {
	tx, tokens := exampleTransaction(b), tokenizer(b)
	env, err := event.EncodeTransaction(&tx)
	if err != nil {
		b.Fatal(err)
	}
	for name, e := range map[string]event.Envelope{"proto": env, "json_raw": {Data: example(b)}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decodeReference(e, tokens, now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEncodeDecision and BenchmarkAnswerJSON write a decision that is looked at, and for comparison through the generated
// message and encoding/json.
func BenchmarkEncodeDecision(b *testing.B) {
	first := held(b)
	stored, err := event.EncodeDecision(&first)
	if err != nil {
		b.Fatal(err)
	}
	for name, encode := range map[string]func(*pix.Decision) (event.Envelope, error){
		"plain": event.EncodeDecision, "reference": event.EncodeDecisionReference, "stored": event.EncodeStoredDecision,
	} {
		b.Run(name, func(b *testing.B) {
			d := held(b)
			if name == "stored" {
				d.Stored = stored.Data
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encode(&d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAnswerJSON(b *testing.B) {
	d := held(b)
	for name, encode := range map[string]func(*pix.Decision) ([]byte, error){
		"plain": event.AnswerJSON, "reference": event.AnswerReference,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encode(&d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeDecision(b *testing.B) {
	d := pix.Decision{Transaction: exampleTransaction(b), Outcome: pix.Approve, Vector: make([]float64, 60),
		Scores: []pix.Score{{Role: pix.PayerRole, Version: "1"}}}
	e, err := event.EncodeDecision(&d)
	if err != nil {
		b.Fatal(err)
	}
	for name, decode := range map[string]func(event.Envelope) (pix.Decision, error){
		"plain": event.ReadDecision, "reference": event.DecodeDecisionReference,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
