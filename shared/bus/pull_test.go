package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/bus"
)

// TestPull: a message that is held is nobody else's, one that is given back comes again, one that is acknowledged does not.
func TestPull(t *testing.T) {
	t.Parallel()
	b, _, _ := open(t, bus.Config{})
	for range 3 {
		if err := b.Publish(t.Context(), topic, data("x")); err != nil {
			t.Fatal(err)
		}
	}
	pull := func(want int) (ids []string) {
		t.Helper()
		list, err := b.Pull(t.Context(), "s", 10)
		if err != nil || len(list) != want {
			t.Fatalf("%d messages, want %d: %v", len(list), want, err)
		}
		for _, m := range list {
			if string(m.Data) != "x" || m.ID == "" || m.Published.IsZero() {
				t.Errorf("message %+v", m)
			}
			ids = append(ids, m.AckID)
		}
		return ids
	}
	first := pull(3)
	if err := b.Hold(t.Context(), "s", first, time.Minute); err != nil {
		t.Fatal(err)
	}
	pull(0)
	if err := b.Hold(t.Context(), "s", first[:2], 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Acknowledge(t.Context(), "s", first[2:]); err != nil {
		t.Fatal(err)
	}
	pull(2)
	_, err := b.Pull(t.Context(), "nobody", 1)
	for _, err := range []error{err, b.Hold(t.Context(), "nobody", first, 0), b.Acknowledge(t.Context(), "nobody", first)} {
		if !errors.Is(err, bus.ErrNoSubscription) {
			t.Errorf("without a subscription: %v", err)
		}
	}
}
