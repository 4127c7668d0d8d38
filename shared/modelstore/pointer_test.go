package modelstore

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// writable returns the stores of backends that can be written.
func writable(t *testing.T, current string, versions ...string) map[string]*Store {
	t.Helper()
	stores := backends(t, layout(current, versions...))
	delete(stores, "memory")
	return stores
}

func inForce(t *testing.T, s *Store) string {
	t.Helper()
	p, err := s.current(t.Context(), pix.PayerRole)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(p.Versions, " ")
}

// TestPromoteAndRollback goes forward and back, with and without a file current at first.
func TestPromoteAndRollback(t *testing.T) {
	t.Parallel()
	for backend, s := range writable(t, "", "1", "2", "3", "9") {
		want := func(state string, err error) {
			t.Helper()
			if got := inForce(t, s); got != state || err != nil {
				t.Fatalf("%s: in force %q, want %q (%v)", backend, got, state, err)
			}
		}
		promote := func(version string) error {
			_, err := s.Promote(t.Context(), pix.PayerRole, version)
			return err
		}
		rollback := func() error {
			_, _, err := s.Rollback(t.Context(), pix.PayerRole, "")
			return err
		}
		want("9 3 2 1", nil) // no file yet: the highest
		want("2 9", promote("2"))
		want("3 2 9", promote("3"))
		want("3 2 9", promote("3"))
		want("2 3 9", promote("2"))
		want("3 9", rollback())
		want("9", rollback())
		if err := rollback(); pix.KindOf(err) != pix.Invalid {
			t.Errorf("%s: going back from the first gave %v", backend, err)
		}
		for i := range 2 * maxHistory {
			if err := promote(fmt.Sprint("v", i)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(strings.Fields(inForce(t, s))); n != maxHistory {
			t.Errorf("%s: %d versions are remembered, want %d", backend, n, maxHistory)
		}
	}
	for backend, s := range writable(t, "", "1", "2") {
		if from, to, err := s.Rollback(t.Context(), pix.PayerRole, ""); from != "2" || to != "1" || err != nil {
			t.Errorf("%s: without a file rolled back from %q to %q, %v", backend, from, to, err)
		}
	}
	if _, err := FromFS(layout("1", "1", "2")).Promote(t.Context(), pix.PayerRole, "2"); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("a store that cannot be written gave %v", err)
	}
}

// TestTwoWritersAtOnce lets many go one step back from the same state: as many steps are taken as were reported done.
func TestTwoWritersAtOnce(t *testing.T) {
	t.Parallel()
	versions := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
	for backend, s := range writable(t, "8\n7\n6\n5\n4\n3\n2\n1\n", versions...) {
		var done atomic.Int64
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				_, _, err := s.Rollback(t.Context(), pix.PayerRole, "")
				if err == nil {
					done.Add(1)
				} else if k := pix.KindOf(err); k != pix.Conflict && k != pix.Unavailable {
					t.Errorf("%s: %v", backend, err)
				}
			})
		}
		wg.Wait()
		if left := len(strings.Fields(inForce(t, s))); done.Load() == 0 || left != len(versions)-int(done.Load()) {
			t.Errorf("%s: %d steps were reported, %d of %d versions are left", backend, done.Load(), left, len(versions))
		}
	}
}

// TestStaleMarkIsRefused writes on top of what somebody else has written meanwhile.
func TestStaleMarkIsRefused(t *testing.T) {
	t.Parallel()
	for backend, s := range writable(t, "1\n", "1", "2") {
		p, err := s.current(t.Context(), pix.PayerRole)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Promote(t.Context(), pix.PayerRole, "2"); err != nil {
			t.Fatal(err)
		}
		for _, mark := range []string{p.mark, ""} {
			err := s.root.replace(t.Context(), "payer/current", []byte("x\n"), mark)
			if !errors.Is(err, ErrChanged) {
				t.Errorf("%s: writing on mark %q gave %v", backend, mark, err)
			}
		}
		if got := inForce(t, s); got != "2 1" {
			t.Errorf("%s: in force %q", backend, got)
		}
	}
}

func TestSetChallengers(t *testing.T) {
	t.Parallel()
	for backend, s := range writable(t, "", "1", "2") {
		for _, versions := range [][]string{{"1", "2"}, {"2"}, nil} {
			if err := s.SetChallengers(t.Context(), pix.PayerRole, versions); err != nil {
				t.Fatal(err)
			}
			p, err := s.challengers(t.Context(), pix.PayerRole)
			if got := strings.Join(p.Versions, " "); err != nil || got != strings.Join(versions, " ") {
				t.Errorf("%s: challengers %q (%v), want %v", backend, got, err, versions)
			}
		}
		for kind, versions := range map[pix.Kind][]string{
			pix.Invalid: {"a/b"}, pix.TooLarge: {"1", "2", "3", "4", "5"},
		} {
			if err := s.SetChallengers(t.Context(), pix.PayerRole, versions); pix.KindOf(err) != kind {
				t.Errorf("%s: %v gave %v", backend, versions, err)
			}
		}
	}
}
