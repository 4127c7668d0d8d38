package storetest

import (
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Start is the event time of Payment(0). It never moves, so a store under test must keep events for ever.
func Start() time.Time { return time.Date(2026, 1, 15, 15, 0, 0, 0, time.UTC) }

// ID gives the n-th EndToEndId.
func ID(n int) pix.EndToEndID {
	return pix.EndToEndID(fmt.Sprintf("E12345678202601151500%011d", n))
}

// Token gives the token of the n-th entity of a kind under a key version.
func Token(kind pix.TokenKind, version, n int) pix.Token {
	return pix.Token(fmt.Sprintf("%s.%d.%021dA", kind, version, n))
}

// Pair gives the n-th entity under one key, as long as none was rotated.
func Pair(kind pix.TokenKind, n int) pix.TokenPair { return pix.TokenPair{Current: Token(kind, 1, n)} }

// Rotated gives the n-th entity while key 2 takes over from key 1.
func Rotated(kind pix.TokenKind, n int) pix.TokenPair {
	return pix.TokenPair{Current: Token(kind, 2, n), Previous: Token(kind, 1, n)}
}

// Payment gives the n-th payment: one minute after another from payer to payee with device 1.
func Payment(n, payer, payee int) pix.Transaction {
	return pix.Transaction{
		Facts: pix.Facts{
			ID: ID(n), EventTime: Start().Add(time.Duration(n) * time.Minute), Direction: pix.Internal,
			Amount: pix.Money(100 + n), Initiation: pix.ByKey, Purpose: pix.Payment,
			PayerFacts: pix.PartyFacts{ISPB: "12345678"}, PayeeFacts: pix.PartyFacts{ISPB: "12345678", KeyKind: pix.KeyEVP},
		},
		Payer:       pix.Party{Account: Pair(pix.AccountToken, payer), Owner: Pair(pix.OwnerToken, payer)},
		Payee:       pix.Party{Account: Pair(pix.AccountToken, payee), Owner: Pair(pix.OwnerToken, payee)},
		DeviceToken: Pair(pix.DeviceToken, 1),
	}
}

// Decision gives a decision on tx that names who made it.
func Decision(tx *pix.Transaction, by string) *pix.Decision {
	return &pix.Decision{
		Transaction: *tx, Outcome: pix.Review, Vector: []float64{1, 2.5, -3}, FeatureSet: "1-test",
		PolicyVersion: "1", TraceID: Trace(by), DecidedAt: time.Now().UTC().Truncate(time.Millisecond),
		Reasons: []pix.Reason{{Code: "a", TextPT: "b", TextEN: "c"}},
	}
}

// Trace is the trace id of whoever made a decision, as Decision takes its name: at most 16 letters.
func Trace(by string) string { return fmt.Sprintf("%032x", by) }
