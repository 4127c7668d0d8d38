package reload

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// TestPolicy follows the pack's file: another, the same again, one that does not load, none.
func TestPolicy(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pack.yaml")
	write := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(policy.Shipped())
	kept, err := modelstore.OpenFile(t.Context(), file, policy.MaxPackBytes)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		p := NewPolicy(kept, feature.Names())
		w, log := follow(t, p)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer goes(t, w)()
		first := p.Set().Pack()
		for _, tc := range []struct {
			what     string
			data     []byte
			changed  bool
			current  float64
			failures int
			swaps    float64
		}{
			{"the same again", policy.Shipped(), false, 1, 0, 1},
			{"broken", []byte("version: ["), false, 0, 1, 1},
			{"empty", nil, false, 0, 2, 1},
			{"too long", slices.Concat(policy.Shipped(), make([]byte, policy.MaxPackBytes)), false, 0, 3, 1},
			{"another", []byte(strings.Replace(string(policy.Shipped()), "version: pix-", "version: next-", 1)), true, 1, 3, 2},
			{"the first again", policy.Shipped(), false, 1, 3, 3},
		} {
			write(tc.data)
			step(time.Minute)
			if changed := p.Set().Pack().Version() != first.Version(); changed != tc.changed {
				t.Errorf("%s: in force %s", tc.what, p.Set().Pack().Version())
			}
			if current := log.metric(t, "pix_policy_current", ""); current != tc.current || (w.Err(p) == nil) != (current == 1) {
				t.Errorf("%s: current %v, says %v", tc.what, current, w.Err(p))
			}
			if n, swaps := len(log.failures()), log.metric(t, "pix_policy_swaps_total", ""); n != tc.failures || swaps != tc.swaps {
				t.Errorf("%s: told of %d failures and %v swaps: %v", tc.what, n, swaps, log.failures())
			}
		}
	})
}
