package demo

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Five cloud services and their clients share this process: what they throw away is much, and what they keep is little. The
// garbage collector therefore gets room of a constant size. A multiple of what is kept, which is its own rule, would either
// make it run all the time while little is kept or take gigabytes later.
const (
	roomBytes       = 512 << 20
	mostRoomPercent = 400 // of what is kept, while that is little
	leastPercent    = 20  // of what is kept, when that is so much that the room would be too small to make progress in
	roomEvery       = 250 * time.Millisecond
)

// keepRoom gives the garbage collector its room until the returned function is called, which restores its own rule.
func keepRoom() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	before := debug.SetGCPercent(mostRoomPercent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		followHeap(ctx)
	}()
	return func() {
		cancel()
		<-done
		debug.SetGCPercent(before)
	}
}

// followHeap sets the collector's percentage again whenever the kept bytes have changed it.
func followHeap(ctx context.Context) {
	ticker := time.NewTicker(roomEvery)
	defer ticker.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for percent := mostRoomPercent; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		metrics.Read(sample)
		if now := roomPercent(sample[0].Value.Uint64()); now != percent {
			percent = now
			debug.SetGCPercent(percent)
		}
	}
}

// roomPercent is the room as a percentage of the kept bytes, which is how the collector takes it.
func roomPercent(kept uint64) int {
	return int(min(mostRoomPercent, max(leastPercent, 100*roomBytes/max(kept, 1))))
}
