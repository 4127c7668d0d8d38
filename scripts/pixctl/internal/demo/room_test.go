package demo

import (
	"runtime/debug"
	"testing"
)

// TestRoomIsConstant: however much is kept, the collector may let the same amount gather before it runs, within the bounds
// of its percentage.
func TestRoomIsConstant(t *testing.T) {
	t.Parallel()
	for _, kept := range []uint64{150 << 20, 300 << 20, 600 << 20, 1200 << 20, 2400 << 20} {
		room := kept / 100 * uint64(roomPercent(kept))
		if room < roomBytes*9/10 || room > roomBytes {
			t.Errorf("%d MB kept: room for %d MB, want %d", kept>>20, room>>20, roomBytes>>20)
		}
	}
	for kept, want := range map[uint64]int{0: mostRoomPercent, 1 << 20: mostRoomPercent, 1 << 40: leastPercent} {
		if got := roomPercent(kept); got != want {
			t.Errorf("%d bytes kept: %d %%, want %d", kept, got, want)
		}
	}
}

// TestRoomEnds: whoever called keeps the rule that was there before.
//
//nolint:paralleltest // the rule is the process's
func TestRoomEnds(t *testing.T) {
	before := debug.SetGCPercent(77)
	keepRoom()()
	if got := debug.SetGCPercent(before); got != 77 {
		t.Errorf("afterwards the percentage is %d, want 77", got)
	}
}
