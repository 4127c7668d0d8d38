package bridge

import (
	"bytes"
	"compress/gzip"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

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
		"old, a head alone":    {make([]byte, messageHead), 0},
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
	hold(r, []byte{}) // which is nothing to hold
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
	if out, err := u.Decompress([]byte{1}, kgo.CodecNone); err != nil || len(out) != 1 {
		t.Errorf("what is not packed needs no room: %v", err)
	}
	runtime.KeepAlive(held)
}

// The client's records count against the room as well, which it can be held up for and not be refused.
func TestRecordsWaitForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := &unpacker{room: &room{limit: 4 * recordSize}}
		began := time.Now()
		first := u.GetRecords(4)
		if took := time.Since(began); took != 0 || u.room.held.Load() < 4*int64(unsafe.Sizeof(first[0])) {
			t.Errorf("what fits waited %v and holds %d bytes", took, u.room.held.Load())
		}
		second := u.GetRecords(1)
		if took := time.Since(began); len(second) != 1 || took < recordPatience || took > 2*recordPatience {
			t.Errorf("%d records after %v, want 1 after %v", len(second), took, recordPatience)
		}
		runtime.KeepAlive(first)
	})
}

// What one batch unpacks to is bounded, in bytes and in records, and what does not unpack says so.
func TestDecompressIsBounded(t *testing.T) {
	t.Parallel()
	cfg := Config{MemoryLimit: minMemory}
	record := append([]byte{254, 1}, make([]byte, 127)...) // of 129 bytes: more would fit maxBytes than may be
	record[2] = 1
	packed := func(data []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(data)
		_ = w.Close()
		return b.Bytes()
	}
	fits := slices.Repeat(record, cfg.maxBatchBytes()/len(record))
	tiny := []byte{2, 1}
	for name, c := range map[string]struct {
		src   []byte
		codec kgo.CompressionCodecType
		want  pix.Kind
		size  int
	}{
		"as much as fits":            {packed(fits), kgo.CodecGzip, pix.Unexpected, len(fits)},
		"as many as fit":             {packed(slices.Repeat(tiny, cfg.maxBatchRecords())), kgo.CodecGzip, pix.Unexpected, 2 * cfg.maxBatchRecords()},
		"one record too many":        {packed(slices.Repeat(tiny, cfg.maxBatchRecords()+1)), kgo.CodecGzip, pix.TooLarge, 0},
		"too many bytes":             {packed(make([]byte, cfg.maxBatchBytes()+1)), kgo.CodecGzip, pix.TooLarge, 0},
		"no gzip":                    {[]byte("no gzip"), kgo.CodecGzip, pix.Invalid, 0},
		"what was not packed at all": {[]byte("as it is"), kgo.CodecNone, pix.Unexpected, 8},
	} {
		u, err := newUnpacker(&cfg) // with all of its room
		if err != nil {
			t.Fatal(err)
		}
		out, err := u.Decompress(c.src, c.codec)
		if held := u.room.held.Load(); c.codec != kgo.CodecNone && held < int64(len(out)) {
			t.Errorf("%s: %d bytes count as %d", name, len(out), held)
		}
		runtime.KeepAlive(out)
		if (err != nil) != (c.want != pix.Unexpected) || err != nil && pix.KindOf(err) != c.want || len(out) != c.size {
			t.Errorf("%s: %d bytes and %v, want %d and kind %v", name, len(out), err, c.size, c.want)
		}
	}
}
