package bridge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// recordSize is what the client allocates for a record, however small it is.
const recordSize = int64(unsafe.Sizeof(kgo.Record{}) + unsafe.Sizeof(uintptr(0)))

// errNoRoom says that a batch was not unpacked because others hold the memory for it. The client reads it again.
var errNoRoom = errors.New("no room to unpack a batch now")

// How long the client is held up for room: briefly where it can read the batch again, longer where it allocates after that
// whatever the answer. A rebalance waits meanwhile.
const (
	unpackPatience = 200 * time.Millisecond
	recordPatience = 2 * time.Second
)

// unpacker is the client's decompressor, bounded: a batch of a hundred kilobytes may hold a gigabyte, or a million records
// of seven bytes for each of which the client allocates recordSize. It refuses a batch that is too large by itself, and
// lets one wait that would not fit beside the others.
type unpacker struct {
	inner      kgo.Decompressor
	maxBytes   int
	maxRecords int
	room       *room

	mu sync.Mutex // one batch at a time: growing its buffer takes thrice its size
}

func newUnpacker(c *Config) (*unpacker, error) {
	inner, err := boundedDecompressor(c.maxBatchBytes())
	if err != nil {
		return nil, err
	}
	return &unpacker{
		inner: inner, maxBytes: c.maxBatchBytes(), maxRecords: c.maxBatchRecords(),
		room: &room{limit: c.maxUnpackedBytes()},
	}, nil
}

// boundedDecompressor is the client's own. It has no constructor that takes a bound, but a client that was told one has
// it; that client is never connected.
func boundedDecompressor(maxBytes int) (kgo.Decompressor, error) {
	client, err := kgo.NewClient(kgo.MaxDecompressBatchBytes(maxBytes))
	if err != nil {
		return nil, fmt.Errorf("bound decompression: %w", err)
	}
	defer client.Close()
	d, ok := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	if !ok {
		return nil, errors.New("bound decompression: the client has no decompressor")
	}
	return d, nil
}

// Decompress implements kgo.Decompressor. Its errors are of kind TooLarge or Invalid where the batch is to blame, and then
// no repetition helps.
func (u *unpacker) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if codec == kgo.CodecNone {
		return src, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.room.await(int64(u.maxBytes), unpackPatience) {
		return nil, errNoRoom
	}
	out, err := u.inner.Decompress(src, codec)
	switch {
	case errors.Is(err, kgo.ErrMaxDecompress):
		return nil, pix.E(pix.TooLarge, "unpack batch", fmt.Errorf("%d bytes unpack to more than %d", len(src), u.maxBytes))
	case err != nil:
		return nil, pix.E(pix.Invalid, "unpack batch", err)
	}
	if n := countRecords(out, u.maxRecords); n > u.maxRecords {
		return nil, pix.E(pix.TooLarge, "unpack batch", fmt.Errorf("%d bytes hold more than %d records", len(src), u.maxRecords))
	}
	hold(u.room, out)
	return out, nil
}

// GetRecords implements kgo.PoolRecords: it is the one place where the client tells how many records a batch has before
// it allocates them. It can delay the client, not refuse.
func (u *unpacker) GetRecords(n int) []kgo.Record {
	u.room.await(int64(n)*recordSize, recordPatience)
	records := make([]kgo.Record, n)
	hold(u.room, records)
	return records
}

// PutRecords implements kgo.PoolRecords. Nothing is kept: what is garbage is known from the garbage collector alone.
func (u *unpacker) PutRecords([]kgo.Record) {}

// countRecords walks over an unpacked batch and stops above limit. It trusts nothing: what follows a record that does not
// parse is not counted, as the client will not read it. A message set of old producers begins with an offset, whose
// first byte no record can begin with.
func countRecords(data []byte, limit int) (n int) {
	if len(data) > 0 && data[0] == 0 {
		return countMessages(data, limit)
	}
	for n <= limit {
		length, used := binary.Varint(data)
		if used <= 0 || length <= 0 || length > int64(len(data)-used) {
			break
		}
		data = data[used+int(length):]
		n++
	}
	return n
}

// messageHead is the offset and the length before each message of a set.
const messageHead = 12

func countMessages(data []byte, limit int) (n int) {
	for n <= limit && len(data) > messageHead {
		length := int64(binary.BigEndian.Uint32(data[8:]))
		if length > int64(len(data)-messageHead) {
			break
		}
		data = data[messageHead+length:]
		n++
	}
	return n
}

// room counts the memory of unpacked batches from when it is allocated until the garbage collector frees it. So nothing
// has to be told when a batch ends: acknowledged, given up, revoked, in an aborted transaction, or never polled.
type room struct {
	limit int64
	held  atomic.Int64
}

// hold counts s until it is freed.
func hold[T any](r *room, s []T) {
	if cap(s) == 0 {
		return
	}
	var zero T
	n := int64(cap(s)) * int64(unsafe.Sizeof(zero))
	r.held.Add(n)
	runtime.AddCleanup(unsafe.SliceData(s), func(n int64) { r.held.Add(-n) }, n)
}

// await waits until n more would fit, and tells whether they do. What is larger than the whole fits when there is nothing
// else.
func (r *room) await(n int64, patience time.Duration) bool {
	for waited, pause := time.Duration(0), 5*time.Millisecond; ; waited, pause = waited+pause, min(2*pause, 100*time.Millisecond) {
		if held := r.held.Load(); held+n <= r.limit || held == 0 {
			return true
		}
		if waited >= patience {
			return false
		}
		runtime.GC()
		time.Sleep(pause)
	}
}
