package bridge

import (
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestCountRecords(t *testing.T) {
	t.Parallel()
	null := []byte{12, 0, 0, 0, 1, 1, 0} // a record of six bytes after its length
	message := append([]byte{0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 3}, "abc"...)
	for name, tc := range map[string]struct {
		data []byte
		want int
	}{
		"nothing":              {nil, 0},
		"three":                {slices.Repeat(null, 3), 3},
		"just above the limit": {slices.Repeat(null, 6), 6},
		"far above the limit":  {slices.Repeat(null, 1000), 6},
		"cut off":              {slices.Repeat(null, 3)[:20], 2},
		"length of nothing":    {append(slices.Clone(null), 0, 0, 0), 1},
		"negative length":      {append(slices.Clone(null), 11, 0, 0), 1},
		"endless length":       {slices.Repeat([]byte{0xff}, 30), 0},
		"old messages":         {slices.Repeat(message, 4), 4},
		"many old messages":    {slices.Repeat(message, 100), 6},
		"old message, cut off": {message[:14], 0},
		"old, negative length": {[]byte{0, 0, 0, 0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 1}, 0},
	} {
		if got := countRecords(tc.data, 5); got != tc.want {
			t.Errorf("%s: %d records, want %d", name, got, tc.want)
		}
	}
}

// Whatever lies in Kafka, counting ends and counts no more than there can be.
func FuzzCountRecords(f *testing.F) {
	f.Add([]byte{12, 0, 0, 0, 1, 1, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if n := countRecords(data, 100); n < 0 || n > len(data) || n > 101 {
			t.Errorf("%d records in %d bytes", n, len(data))
		}
	})
}

// What is unpacked counts until it is garbage, and a batch waits for room no longer than it should.
func TestRoom(t *testing.T) {
	t.Parallel()
	r := &room{limit: 3000}
	held := make([]byte, 2000)
	hold(r, held)
	if !r.await(1000, 20*time.Millisecond) {
		t.Error("no room for what fits")
	}
	if r.await(1001, 20*time.Millisecond) {
		t.Error("room for more than there is")
	}
	runtime.KeepAlive(held)
	for deadline := time.Now().Add(time.Minute); !r.await(3000, 20*time.Millisecond); {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are still held when nothing is left", r.held.Load())
		}
	}
	if !r.await(1<<40, 20*time.Millisecond) {
		t.Error("a batch larger than the whole does not fit when there is nothing else")
	}
}

// A batch for which there is no room now is no poison: it must be read again, not given up.
func TestNoRoomIsNoVerdict(t *testing.T) {
	t.Parallel()
	u, err := newUnpacker(&Config{MemoryLimit: minMemory})
	if err != nil {
		t.Fatal(err)
	}
	held := make([]byte, u.room.limit)
	hold(u.room, held)
	_, err = u.Decompress([]byte{1}, kgo.CodecGzip)
	if !errors.Is(err, errNoRoom) || pix.KindOf(err).Disposition().DeadLetter || suspicious(err) {
		t.Errorf("got %v", err)
	}
	runtime.KeepAlive(held)
}
