package bridge_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// smallMemory is a limit under which a batch of half a mebibyte, or of 4,096 records, is too large.
const (
	smallMemory    = 8 << 20
	tooLargeBytes  = smallMemory/16 + 1
	tooManyRecords = smallMemory/16/128 + 1
)

// rawBatch is a batch whose every byte a test may choose.
type rawBatch struct {
	codec     int16
	records   []byte
	declared  int32 // number of records the header claims, and of the offsets that the batch takes
	attribute int16 // beside the codec
}

// encode returns the batch with the checksum of what it holds.
func (b rawBatch) encode() []byte {
	batch := kmsg.RecordBatch{
		Length: int32(49 + len(b.records)), Magic: 2, Attributes: b.codec | b.attribute, LastOffsetDelta: b.declared - 1,
		FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_000, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		NumRecords: b.declared, Records: b.records,
	}
	return sealed(batch.AppendTo(nil))
}

// sealed writes the checksum over an encoded batch.
func sealed(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
	return batch
}

// rawRecords encodes records with these values; nil is a null.
func rawRecords(values ...[]byte) []byte {
	var out []byte
	for i, v := range values {
		body := append([]byte{0, 0}, binary.AppendVarint(nil, int64(i))...)
		body = append(body, 1) // a null key
		if v == nil {
			body = append(body, 1)
		} else {
			body = append(binary.AppendVarint(body, int64(len(v))), v...)
		}
		body = append(body, 0)
		out = append(binary.AppendVarint(out, int64(len(body))), body...)
	}
	return out
}

// packed compresses records.
func packed(tb testing.TB, codec kgo.CompressionCodec, records []byte) ([]byte, int16) {
	tb.Helper()
	c, err := kgo.DefaultCompressor(codec)
	if err != nil {
		tb.Fatal(err)
	}
	out, kind := c.Compress(new(bytes.Buffer), records)
	return bytes.Clone(out), int16(kind)
}

type partition struct {
	topic string
	id    int32
}

// second is a partition for poison.
func second() partition { return partition{kafkaTopic, 1} }

// rawProduce writes a batch into a partition, past every check of a client, and returns its first offset.
func rawProduce(tb testing.TB, brokers []string, key partition, batch []byte) int64 {
	tb.Helper()
	base, err := tryProduce(tb, brokers, key, batch)
	if err != nil {
		tb.Fatalf("the broker refuses the batch: %v", err)
	}
	return base
}

// tryProduce is rawProduce with the broker's refusal as its error.
func tryProduce(tb testing.TB, brokers []string, key partition, batch []byte) (int64, error) {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.MaxVersions(kversion.V3_0_0()), kgo.BrokerMaxWriteBytes(128<<20))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrProduceRequest()
	topic, part := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = key.id, batch
	topic.Topic, topic.Partitions = key.topic, append(topic.Partitions, part)
	req.Acks, req.TimeoutMillis, req.Topics = -1, 30_000, append(req.Topics, topic)
	resp, err := req.RequestWith(tb.Context(), client)
	if err != nil {
		tb.Fatal(err)
	}
	answer := resp.Topics[0].Partitions[0]
	return answer.BaseOffset, kerr.ErrorForCode(answer.ErrorCode)
}

// swaps replaces bytes that the broker sends by others of the same length: what no broker would accept may yet lie on its
// disk.
type swaps struct {
	mu    sync.Mutex
	pairs [][2][]byte
	times int // how often each is replaced; 0 is always
	done  int
}

func (s *swaps) add(from, to []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pairs = append(s.pairs, [2][]byte{from, to})
}

func (s *swaps) apply(p []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pair := range s.pairs {
		if bytes.Contains(p, pair[0]) && (s.times == 0 || s.done < s.times) {
			p = bytes.ReplaceAll(p, pair[0], pair[1])
			s.done++
		}
	}
	return p
}

// listen is a kfake.ListenFn.
func (s *swaps) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return swapListener{l, s}, err
}

type swapListener struct {
	net.Listener
	swaps *swaps
}

func (l swapListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return swapConn{c, l.swaps}, err
}

type swapConn struct {
	net.Conn
	swaps *swaps
}

func (c swapConn) Write(p []byte) (int, error) { return c.Conn.Write(c.swaps.apply(p)) }

// hurt returns a batch after a change to its encoding, sealed again.
func hurt(batch []byte, change func([]byte)) []byte {
	out := bytes.Clone(batch)
	change(out)
	return sealed(out)
}

// poisoned is a batch that is produced, and what the broker then sends in its place, nil for itself.
type poisoned struct {
	batch  []byte
	sent   []byte
	reason string
	first  int64 // offset of the letter, counted from the batch's; before it lie records that can be read
	last   int64
	alone  bool // nothing lies behind it before its letter is there
}

// plain is a batch of three records that are no payments, for hurting.
func plain() []byte {
	return rawBatch{records: rawRecords([]byte("one"), []byte("two"), []byte("three")), declared: 3}.encode()
}

// poisons is one batch of each kind that cannot be read.
func poisons(tb testing.TB) map[string]poisoned {
	tb.Helper()
	zeros := rawRecords(make([]byte, tooLargeBytes))
	nulls := rawRecords(make([][]byte, tooManyRecords)...)
	list := map[string]poisoned{}
	for name, codec := range map[string]kgo.CompressionCodec{
		"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		bomb, kind := packed(tb, codec, zeros)
		list[name+" bomb"] = poisoned{batch: rawBatch{codec: kind, records: bomb, declared: 1}.encode(), reason: "too_large"}
		crowd, _ := packed(tb, codec, nulls)
		list[name+" crowd"] = poisoned{
			batch:  rawBatch{codec: kind, records: crowd, declared: tooManyRecords}.encode(),
			reason: "too_large", last: tooManyRecords - 1,
		}
		list[name+" broken"] = poisoned{
			batch: rawBatch{codec: kind, records: []byte("this was never compressed"), declared: 2}.encode(), reason: "invalid", last: 1,
		}
	}
	good := plain()
	sent := func(change func([]byte)) poisoned {
		return poisoned{batch: good, sent: hurt(good, change), reason: "invalid", last: 2}
	}
	list["checksum"] = poisoned{batch: good, sent: bytes.Replace(good, []byte("two"), []byte("owt"), 1), reason: "invalid", last: 2}
	list["unknown codec"] = sent(func(b []byte) { b[22] = 7 })
	list["unknown magic"] = sent(func(b []byte) { b[16] = 3 })
	list["negative count"] = sent(func(b []byte) { b[57] = 0xff })
	list["length beyond the answer"] = sent(func(b []byte) { b[8] = 0x7f })
	list["negative length"] = sent(func(b []byte) { b[8] = 0xff })
	list["length of nothing"] = sent(func(b []byte) { copy(b[8:12], []byte{0, 0, 0, 0}) })
	list["last offset far away"] = sent(func(b []byte) { b[16], b[23] = 3, 0x7f })
	list["last offset beyond the next batch"] = sent(func(b []byte) { b[16], b[26] = 3, 4 })
	list["no records where three are claimed"] = poisoned{batch: rawBatch{declared: 3}.encode(), reason: "invalid", last: 2}
	list["the third record is cut off"] = poisoned{
		batch:  rawBatch{records: bytes.TrimSuffix(rawRecords(nil, nil, []byte("three")), []byte("ee\x00")), declared: 3}.encode(),
		reason: "invalid", first: 2, last: 2, alone: true,
	}
	list["more records claimed than there are"] = poisoned{
		batch: rawBatch{records: rawRecords(nil, nil), declared: 100}.encode(), reason: "invalid", first: 2, last: 99,
		alone: true,
	}
	return list
}

// letterOf is what a letter says of a range of offsets.
type letterOf struct{ Reason, Topic, Partition, First, Last string }

// ranges returns the letters about unreadable batches: those without the number of records.
func (c *cloud) ranges() (list []letterOf) {
	for _, m := range c.messages(event.TopicDeadLetter) {
		if last := m.Attributes[event.AttrDeadLetterLastOffset]; last != "" && m.Attributes[event.AttrDeadLetterRecords] == "" {
			list = append(list, letterOf{
				m.Attributes[event.AttrDeadLetterReason], m.Attributes[event.AttrDeadLetterTopic],
				m.Attributes[event.AttrDeadLetterPartition], m.Attributes[event.AttrDeadLetterOffset], last,
			})
		}
	}
	return list
}

// tail returns the end of a partition's log.
func (c *cloud) tail(partition int32) int64 {
	return c.kafka.PartitionInfo(kafkaTopic, partition).HighWatermark
}

func TestUnreadableBatches(t *testing.T) {
	t.Parallel()
	seed := uint64(500)
	for name, p := range poisons(t) {
		seed += 10
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &swaps{}
			c := newCloud(t, kfake.ListenFn(s.listen))
			if p.sent != nil {
				// The broker fills in the first offset and, before the magic, the leader's epoch.
				s.add(p.batch[16:], p.sent[16:])
				if !bytes.Equal(p.batch[8:12], p.sent[8:12]) {
					s.add(append(bytes.Clone(p.batch[8:12]), append([]byte{0, 0, 0, 0}, p.sent[16:]...)...),
						append(bytes.Clone(p.sent[8:12]), append([]byte{0, 0, 0, 0}, p.sent[16:]...)...))
				}
			}
			c.produce(t, submissions(t, seed, 20))
			base := rawProduce(t, c.kafka.ListenAddrs(), second(), p.batch)
			if !p.alone {
				c.produce(t, submissions(t, seed+1, 40))
			}
			o := options{bridge: bridge.Config{MemoryLimit: smallMemory}, watch: 200 * time.Millisecond}
			m := c.join(t, o)
			if p.alone {
				eventually(t, "a letter", func() bool { return len(c.ranges()) > 0 })
				c.produce(t, submissions(t, seed+1, 40))
			}
			eventually(t, "the payments behind it published", c.complete)
			eventually(t, "committed behind it", func() bool { return c.committed()[1] == c.tail(1) })
			if err := m.leave(t); err != nil {
				t.Errorf("the bridge ended with %v", err)
			}
			c.exact(t)
			want := []letterOf{{p.reason, kafkaTopic, "1", strconv.FormatInt(base+p.first, 10), strconv.FormatInt(base+p.last, 10)}}
			if diff := cmp.Diff(want, c.ranges()); diff != "" {
				t.Errorf("letters (-want +got):\n%s", diff)
			}
			if _, metrics := m.get("/metrics"); !strings.Contains(metrics, `pix_bridge_unreadable_batches_total{reason="`+p.reason+`"} 1`) {
				t.Error("the batch is not counted")
			}
			c.join(t, o)
			c.produce(t, submissions(t, seed+2, 20))
			eventually(t, "the successor goes on", c.complete)
			c.exact(t)
			if n := len(c.ranges()); n != 1 {
				t.Errorf("%d letters after a restart", n)
			}
		})
	}
}

// A partition that begins or ends with an unreadable batch has nothing else to commit.
func TestUnreadableBatchAlone(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	bomb := poisons(t)["zstd bomb"].batch
	for range 3 {
		rawProduce(t, c.kafka.ListenAddrs(), second(), bomb)
	}
	m := c.join(t, options{bridge: bridge.Config{MemoryLimit: smallMemory}})
	eventually(t, "committed behind all three", func() bool { return c.committed()[1] == 3 })
	if lag := lagOf(t, m, 1); lag > 0 {
		t.Errorf("lag of %v", lag)
	}
	_ = m.leave(t)
	want := []letterOf{
		{"too_large", kafkaTopic, "1", "0", "0"}, {"too_large", kafkaTopic, "1", "1", "1"}, {"too_large", kafkaTopic, "1", "2", "2"},
	}
	if diff := cmp.Diff(want, c.ranges()); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

// While a payment before it is not acknowledged, nothing behind it may be committed, so a bomb waits with its letter. Where
// the bomb is the end of the log, no lag is left.
func TestUnreadableBatchBehindAPayment(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.produce(t, submissions(t, 920, 40))
	refused := c.at[1][len(c.at[1])-1]
	c.gate.poison.Store(&refused)
	rawProduce(t, c.kafka.ListenAddrs(), second(), poisons(t)["lz4 bomb"].batch)
	m := c.join(t, options{
		bridge: bridge.Config{MemoryLimit: smallMemory}, bus: bus.Config{PublishTimeout: 100 * time.Millisecond},
		watch: 200 * time.Millisecond,
	})
	eventually(t, "the payment is tried again and again", func() bool { return gauge(t, m, "pix_bridge_publish_retries_total") > 5 })
	c.verify(t)
	if got := c.ranges(); len(got) != 0 {
		t.Errorf("letters %v while the payment before is in flight", got)
	}
	c.gate.poison.Store(nil)
	eventually(t, "all published", c.complete)
	eventually(t, "committed behind the bomb", func() bool { return c.committed()[1] == c.tail(1) })
	eventually(t, "no lag", func() bool { return lagOf(t, m, 1) == 0 })
	_ = m.leave(t)
	c.lossless(t)
	if n := len(c.ranges()); n != 1 {
		t.Errorf("%d letters", n)
	}
}

// lagOf reads a partition's lag, 0 when it has none.
func lagOf(tb testing.TB, m *member, partition int) float64 {
	tb.Helper()
	_, metrics := m.get("/metrics")
	prefix := `pix_bridge_lag_records{partition="` + strconv.Itoa(partition) + `",topic="` + kafkaTopic + `"} `
	for line := range strings.Lines(metrics) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				tb.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// What was broken on the way is whole when it is read again: no letter.
func TestBrokenOnTheWay(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 2} {
		t.Run(strconv.Itoa(times), func(t *testing.T) {
			t.Parallel()
			s := &swaps{times: times}
			c := newCloud(t, kfake.ListenFn(s.listen))
			good := plain()
			s.add(good[16:], hurt(good, func(b []byte) { b[22] = 7 })[16:])
			rawProduce(t, c.kafka.ListenAddrs(), second(), good)
			c.produce(t, submissions(t, 900, 20))
			m := c.join(t, options{watch: 200 * time.Millisecond})
			eventually(t, "all published", c.complete)
			eventually(t, "committed", func() bool { return c.committed()[1] == c.tail(1) })
			_ = m.leave(t)
			if got := c.ranges(); len(got) != 0 {
				t.Errorf("letters %v about a batch that is whole", got)
			}
			if n := len(c.messages(event.TopicDeadLetter)); n != 1 {
				t.Errorf("%d letters, want one about the three records in it", n)
			}
		})
	}
}

// Nothing may be committed behind a bomb before its letter is acknowledged.
func TestUnreadableBatchDuringAnOutage(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	rawProduce(t, c.kafka.ListenAddrs(), second(), poisons(t)["gzip bomb"].batch)
	c.gate.set(codes.Unavailable)
	c.produce(t, submissions(t, 910, 20))
	m := c.join(t, options{bridge: bridge.Config{MemoryLimit: smallMemory}})
	eventually(t, "the letter was tried", func() bool { return strings.Contains(m.logs.String(), "publish letter") })
	if offset, ok := c.committed()[1]; ok {
		t.Errorf("committed to %d without a letter", offset)
	}
	c.gate.set(codes.OK)
	eventually(t, "all published", c.complete)
	eventually(t, "committed", func() bool { return c.committed()[1] == c.tail(1) })
	_ = m.leave(t)
	c.lossless(t)
	if got := c.ranges(); len(got) < 1 {
		t.Error("no letter")
	}
}
