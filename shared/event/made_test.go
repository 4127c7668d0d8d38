package event_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestADecisionOfANewerReleaseIsKept: its payment has values that this release does not know. They reach the audit as
// missing or unknown, are written again, and never keep a decision away from it.
func TestADecisionOfANewerReleaseIsKept(t *testing.T) {
	t.Parallel()
	made, err := event.EncodeDecision(&pix.Decision{Transaction: exampleTransaction(t), Outcome: pix.Reject})
	if err != nil {
		t.Fatal(err)
	}
	var m pixv1.Decision
	if err := proto.Unmarshal(made.Data, &m); err != nil {
		t.Fatal(err)
	}
	m.Transaction.Direction, m.Transaction.Purpose, m.Transaction.Payee.KeyKind = 77, 77, 77
	if made.Data, err = proto.Marshal(&m); err != nil {
		t.Fatal(err)
	}
	d, err := event.DecodeDecision(made, now())
	if err != nil {
		t.Fatal(err)
	}
	if tx := d.Transaction; tx.Direction == "" || tx.Purpose != "" || tx.PayeeFacts.KeyKind != pix.UnknownKey {
		t.Errorf("direction %q, purpose %q, kind of key %q", tx.Direction, tx.Purpose, tx.PayeeFacts.KeyKind)
	}
	if _, err := event.EncodeDecision(&d); err != nil {
		t.Errorf("not written again: %v", err)
	}
}

// TestAnUnknownCodeIsNamed: what cannot be written names its field.
func TestAnUnknownCodeIsNamed(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	tx.PayeeFacts.Person = "ROBOT"
	_, err := event.EncodeTransaction(&tx)
	if p := problems(t, err); len(p) != 1 || p[0].Field != "payee.person" {
		t.Errorf("%v", err)
	}
}
