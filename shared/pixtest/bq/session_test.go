package bq

import (
	"fmt"
	"testing"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
)

// TestSessionsAreBounded: those begun last are kept, however many there were.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	var s sessions
	const begun = 10 * maxSessions
	for i := range begun {
		s.keep(fmt.Sprint(i), &storagepb.ReadSession{Name: fmt.Sprint(i)})
	}
	if len(s.byName) != maxSessions || len(s.names) != maxSessions {
		t.Errorf("%d sessions by name and %d in order, want %d", len(s.byName), len(s.names), maxSessions)
	}
	for i := range begun {
		kept, ok := s.find(fmt.Sprint(i))
		if want := i >= begun-maxSessions; ok != want || ok && kept.GetName() != fmt.Sprint(i) {
			t.Fatalf("session %d: %v, %t, want %t", i, kept, ok, want)
		}
	}
}
