package bridge

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// head is a batch's header as far as an inspection believes it.
type head struct {
	base, delta, epoch int32
	length             int // of the whole batch, its own word; none means the true one
	magic              byte
}

func (h head) batch(size int) []byte {
	b := make([]byte, size)
	binary.BigEndian.PutUint64(b, uint64(int64(h.base)))
	if h.length == 0 {
		h.length = size
	}
	binary.BigEndian.PutUint32(b[lengthAt:], uint32(h.length-messageHead))
	binary.BigEndian.PutUint32(b[epochAt:], uint32(h.epoch))
	b[magicAt] = h.magic
	binary.BigEndian.PutUint32(b[lastDeltaAt:], uint32(h.delta))
	return b
}

// Which offsets a batch takes that cannot be read: what its header says where that can be, one offset where it cannot. More
// than one would skip payments, so the range ends before the next batch and before the end of the log.
func TestBoundsOfAnUnreadableBatch(t *testing.T) {
	t.Parallel()
	type bound struct {
		First, Last int64
		Epoch       int32
		Bytes       int
	}
	good := head{base: 10, delta: 4, epoch: 3, magic: 2}
	with := func(change func(*head)) head { h := good; change(&h); return h }
	next := func(h head, base int32) []byte { return append(h.batch(80), head{base: base, magic: 2}.batch(80)...) }
	for name, c := range map[string]struct {
		data []byte
		from int64 // where the consumer stands, in epoch 2
		want bound
	}{
		"as its header says":         {good.batch(80), 10, bound{10, 14, 3, 80}},
		"entered in its middle":      {good.batch(80), 12, bound{12, 14, 3, 80}},
		"ends where we stand":        {good.batch(80), 14, bound{14, 14, 3, 80}},
		"ends before where we stand": {good.batch(80), 15, bound{15, 15, 3, 80}},
		"begins behind us":           {good.batch(80), 8, bound{10, 14, 3, 80}},
		"up to the end of the log":   {with(func(h *head) { h.delta = 89 }).batch(80), 10, bound{10, 99, 3, 80}},
		"beyond the end of the log":  {with(func(h *head) { h.delta = 90 }).batch(80), 10, bound{10, 10, 3, 80}},
		"ends before it begins":      {with(func(h *head) { h.delta = -3 }).batch(80), 6, bound{6, 6, 3, 80}},
		"of one record":              {with(func(h *head) { h.delta = 0 }).batch(80), 10, bound{10, 10, 3, 80}},
		"our epoch":                  {with(func(h *head) { h.epoch = 2 }).batch(80), 10, bound{10, 14, 2, 80}},
		"an epoch of the past":       {with(func(h *head) { h.epoch = 1 }).batch(80), 10, bound{10, 14, 2, 80}},
		"the leader's epoch":         {with(func(h *head) { h.epoch = 5 }).batch(80), 10, bound{10, 14, 5, 80}},
		"an epoch to come":           {with(func(h *head) { h.epoch = 6 }).batch(80), 10, bound{10, 14, 2, 80}},
		"of an old producer":         {with(func(h *head) { h.magic = 1 }).batch(80), 10, bound{10, 10, 2, 80}},
		"of an old one, behind us":   {with(func(h *head) { h.magic = 1 }).batch(80), 8, bound{10, 10, 2, 80}},
		"of a later format":          {with(func(h *head) { h.magic = 3 }).batch(80), 10, bound{10, 14, 3, 80}},
		"less than a header":         {good.batch(60), 10, bound{10, 10, 2, 60}},
		"just a header":              {good.batch(61), 10, bound{10, 14, 3, 61}},
		"another follows":            {next(good, 15), 10, bound{10, 14, 3, 80}},
		"another follows sooner":     {next(good, 13), 10, bound{10, 12, 3, 80}},
		"another follows at once":    {next(good, 11), 10, bound{10, 10, 3, 80}},
		"what follows is no batch":   {next(good, 10), 10, bound{10, 14, 3, 80}},
		"what follows is too far":    {next(good, 100), 10, bound{10, 14, 3, 80}},
		"both are too far":           {next(with(func(h *head) { h.delta = 120 }), 150), 10, bound{10, 10, 3, 80}},
		"what follows is the end":    {next(with(func(h *head) { h.delta = 120 }), 100), 10, bound{10, 10, 3, 80}},
		"a cut offset follows":       {append(good.batch(80), 0, 0, 0, 0, 0, 0, 0), 10, bound{10, 14, 3, 80}},
		"just an offset follows":     {append(good.batch(80), 0, 0, 0, 0, 0, 0, 0, 12), 10, bound{10, 11, 3, 80}},
	} {
		u := bounds(place{epoch: 5}, &kmsg.FetchResponseTopicPartition{RecordBatches: c.data, HighWatermark: 100},
			kgo.EpochOffset{Offset: c.from, Epoch: 2}, errors.New("x"))
		if diff := cmp.Diff(c.want, bound{u.first, u.last, u.epoch, u.bytes}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSizeOfABatch(t *testing.T) {
	t.Parallel()
	sized := func(length int) []byte { return head{magic: 2, length: length}.batch(80) }
	for name, c := range map[string]struct {
		data []byte
		want int
	}{
		"nothing":            {nil, 0},
		"no length":          {make([]byte, 11), 11},
		"a length":           {[]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6}, 17},
		"all of it":          {sized(80), 80},
		"a part":             {sized(79), 79},
		"more than there is": {sized(81), 80},
		"up to the magic":    {sized(16), 80},
		"the least":          {sized(17), 17},
		"negative":           {sized(-5), 80},
	} {
		if got := batchSize(c.data); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}
