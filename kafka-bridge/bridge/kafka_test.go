package bridge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
	"github.com/sentinela-pix/sentinela/shared/pixtest/transcript"
)

// The tests of this file need what scripts/conformance/kafka.sh gives them: a Kafka that is none of Go's, the real binary,
// and a memory cgroup where one can be made, whose limit is for one bridge: the script lets one test run at a time.
const (
	brokersVariable = "KAFKA_BROKERS"
	binaryVariable  = "BRIDGE_BINARY"
	cgroupVariable  = "BRIDGE_CGROUP"
)

// patience is for what takes a second of a broker that has the machine to itself.
const patience = 2 * time.Minute

// outside is a topic of a real Kafka, and a Pub/Sub.
type outside struct {
	*cloud
	brokers []string
	topic   string
	client  *kgo.Client
}

// newOutside creates a topic of its own for the test, whose name is also the group's.
func newOutside(t *testing.T, partitions int32, configs map[string]string) *outside {
	t.Helper()
	if os.Getenv(brokersVariable) == "" || os.Getenv(binaryVariable) == "" {
		t.Skip("run scripts/conformance/kafka.sh")
	}
	if dir := os.Getenv(cgroupVariable); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, "memory.max_usage_in_bytes"), []byte("0"), 0o600) // begins its peak anew
	}
	o := &outside{brokers: strings.Split(os.Getenv(brokersVariable), ","), topic: strings.ReplaceAll(fmt.Sprintf("%s-%d", t.Name(), os.Getpid()), "/", "-")}
	var err error
	o.client, err = kgo.NewClient(kgo.SeedBrokers(o.brokers...), kgo.DefaultProduceTopic(o.topic),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.client.Close)
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = o.topic, partitions, 1
	for k, v := range configs {
		topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: k, Value: kmsg.StringPtr(v)})
	}
	req.TimeoutMillis, req.Topics = 60_000, append(req.Topics, topic)
	resp, err := req.RequestWith(t.Context(), o.client)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	pubsub := pstest.NewServer(pstest.ServerReactorOption{FuncName: "Publish", Reactor: g})
	t.Cleanup(func() { _ = pubsub.Close() })
	for _, name := range []string{event.TopicTransactions, event.TopicDeadLetter} {
		if _, err := pubsub.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/test/topics/" + name}); err != nil {
			t.Fatal(err)
		}
	}
	o.cloud = &cloud{
		pubsub: pubsub, gate: g, producer: o.client,
		produced: map[pix.EndToEndID]int{}, at: map[int32][]pix.EndToEndID{}, secrets: map[pix.EndToEndID][]string{},
	}
	return o
}

// process is a bridge of its own.
type process struct {
	cmd    *exec.Cmd
	listen string
	logs   *transcript.Buffer
	ended  chan error
}

// start runs the binary, inside the cgroup where there is one.
func (o *outside) start(t *testing.T, env ...string) *process {
	t.Helper()
	p := &process{listen: port.Free(t), logs: &transcript.Buffer{}, ended: make(chan error, 1)}
	p.cmd = exec.Command("/bin/sh", "-c", `[ -z "$`+cgroupVariable+`" ] || echo $$ >"$`+cgroupVariable+`/cgroup.procs"; exec "$`+binaryVariable+`"`)
	p.cmd.Env = append(os.Environ(), append([]string{
		"KAFKA_TOPIC=" + o.topic, "KAFKA_GROUP=" + o.topic, "PROJECT_ID=test", "LISTEN_ADDR=" + p.listen,
		"PUBSUB_EMULATOR_HOST=" + o.pubsub.Addr, "TOKEN_KEY=" + keytest.Base64("k"),
	}, env...)...)
	p.cmd.Stderr = p.logs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("log of the bridge:\n%.6000s", p.logs)
		}
	})
	return p
}

// stop ends the process as Kubernetes does, and fails the test when it ended before or with an error.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("the bridge ended with %v", err)
		}
	case <-time.After(patience):
		t.Error("the bridge does not stop")
	}
}

// alive fails the test when the process has ended.
func (p *process) alive(t *testing.T) {
	t.Helper()
	select {
	case err := <-p.ended:
		t.Fatalf("the bridge ended by itself: %v", err)
	default:
	}
}

// until waits for ok while the process lives.
func (p *process) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		p.alive(t)
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func (p *process) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + p.listen + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// lag sums the lag of every partition, and is -1 while none is known.
func (p *process) lag(t *testing.T) float64 {
	t.Helper()
	sum := -1.0
	for _, m := range regexp.MustCompile(`(?m)^pix_bridge_lag_records\{.*\} (\S+)$`).FindAllStringSubmatch(p.metrics(t), -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum = max(sum, 0) + v
	}
	return sum
}

// peak is the most that the process ever had in memory, in MiB.
func (p *process) peak(t *testing.T) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatal("no VmHWM")
	}
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return float64(kib) / 1024
}

// cgroupFile reads a file of the cgroup by whichever of its names this kernel has.
func cgroupFile(names ...string) string {
	for _, name := range names {
		if data, err := os.ReadFile(filepath.Join(os.Getenv(cgroupVariable), name)); err == nil {
			return strings.TrimSpace(string(data))
		}
	}
	return ""
}

// bomb is a record of so many zeros, packed.
func bomb(t *testing.T, codec kgo.CompressionCodec, size int) []byte {
	t.Helper()
	data, kind := packed(t, codec, rawRecords(make([]byte, size)))
	t.Logf("%d bytes unpack to %d MiB", len(data), size>>20)
	return rawBatch{codec: kind, records: data, declared: 1}.encode()
}

// Every poison that a broker lets through, each in the way of payments. One letter for each batch that cannot be read, the
// payments behind it published, and the process neither killed nor started again.
func TestKafkaPoisons(t *testing.T) {
	t.Parallel()
	o := newOutside(t, 3, map[string]string{"max.message.bytes": strconv.Itoa(8 << 20)})
	const million = 1_000_000
	gzipped, kind := packed(t, kgo.GzipCompression(), rawRecords(make([][]byte, million)...))
	t.Logf("%d bytes hold a million records", len(gzipped))
	crowd := rawBatch{codec: kind, records: gzipped, declared: million}.encode()
	const crowded = 450_000 // in 4 MB, which is as large as a topic's batches may be for this limit
	noise := rawBatch{records: rawRecords(make([][]byte, crowded)...), declared: crowded}.encode()
	t.Logf("%d bytes are %d records", len(noise), crowded)
	batches := []struct {
		name  string
		data  []byte
		last  int64 // offset of its last record, counted from its first
		times int
		whole bool // it can be read
	}{
		{"1.1 GiB in zstd", bomb(t, kgo.ZstdCompression(), 1_181_116_006), 0, 1, false},
		{"150 MiB in zstd", bomb(t, kgo.ZstdCompression(), 150<<20), 0, 5, false},
		{"150 MiB in gzip", bomb(t, kgo.GzipCompression(), 150<<20), 0, 5, false},
		{"150 MiB in lz4", bomb(t, kgo.Lz4Compression(), 150<<20), 0, 5, false},
		{"100 MiB in snappy", bomb(t, kgo.SnappyCompression(), 100<<20), 0, 1, false},
		{"a million nulls in gzip", crowd, million - 1, 5, false},
		{"15 MiB in zstd, which is allowed", bomb(t, kgo.ZstdCompression(), 15<<20), 0, 40, true},
		{"450,000 nulls as they are", noise, crowded - 1, 6, true},
	}
	p := o.start(t)
	want := map[letterOf]bool{}
	seed := uint64(700)
	list := submissions(t, seed, 200*(len(batches)+1))
	for i, b := range batches {
		o.produce(t, list[200*i:200*(i+1)])
		for n := range b.times {
			at := partition{o.topic, int32(n % 3)}
			base := rawProduce(t, o.brokers, at, b.data)
			if !b.whole {
				want[letterOf{"too_large", o.topic, strconv.Itoa(int(at.id)), strconv.FormatInt(base, 10), strconv.FormatInt(base+b.last, 10)}] = true
			}
		}
		o.produce(t, list[200*(i+1):200*(i+1)+20])
		p.until(t, "the payments behind "+b.name, o.complete)
		t.Logf("%s: %.0f MiB at most so far", b.name, p.peak(t))
	}
	p.until(t, "no lag", func() bool { return p.lag(t) == 0 })
	got := map[letterOf]bool{}
	for _, l := range o.ranges() {
		got[l] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("letters (-want +got):\n%.3000s", diff)
	}
	if n := len(o.ranges()); n != len(want) {
		t.Errorf("%d letters about %d batches", n, len(want))
	}
	t.Logf("%d letters in all, for %d records that are none and %d batches that cannot be read",
		len(o.messages(event.TopicDeadLetter)), 40+6*crowded, len(want))
	if n := len(o.messages(event.TopicDeadLetter)); n > 2000 {
		t.Errorf("%d letters: the noise is not summarised", n)
	}
	t.Logf("the bridge's peak: %.0f MiB resident; its cgroup's: %s bytes of %s", p.peak(t),
		cgroupFile("memory.peak", "memory.max_usage_in_bytes"), cgroupFile("memory.max", "memory.limit_in_bytes"))
	if events := cgroupFile("memory.events", "memory.oom_control"); strings.Contains(events, "oom_kill ") && !strings.Contains(events, "oom_kill 0") {
		t.Errorf("the kernel killed for memory: %s", events)
	}
	p.stop(t)
	o.lossless(t)
	second := o.start(t)
	o.produce(t, submissions(t, seed+1, 50))
	second.until(t, "the successor goes on", o.complete)
	second.stop(t)
	if n := len(o.ranges()); n != len(want) {
		t.Errorf("%d letters about %d batches after a restart", n, len(want))
	}
}

// While Pub/Sub is away the bridge holds what its limits allow and no more, behind a backlog of any size.
func TestKafkaOutage(t *testing.T) {
	t.Parallel()
	o := newOutside(t, 3, nil)
	list := submissions(t, 760, 15_000)
	const rounds = 7
	for range rounds {
		o.produce(t, list)
	}
	o.gate.set(codes.Unavailable)
	p := o.start(t)
	p.until(t, "the limit is reached", func() bool {
		return strings.Contains(p.metrics(t), "pix_bridge_in_flight_bytes 2.") && strings.Contains(p.logs.String(), "publishing failed")
	})
	time.Sleep(15 * time.Second)
	t.Logf("%d payments behind an outage: %.0f MiB at most", rounds*len(list), p.peak(t))
	o.gate.set(codes.OK)
	freed := time.Now()
	p.until(t, "everything", func() bool { return len(o.messages(event.TopicTransactions)) >= rounds*len(list) })
	t.Logf("drained at %.0f payments a second; the bridge's peak: %.0f MiB resident; its cgroup's: %s bytes",
		float64(rounds*len(list))/time.Since(freed).Seconds(), p.peak(t), cgroupFile("memory.peak", "memory.max_usage_in_bytes"))
	p.stop(t)
	o.lossless(t)
}

// What Apache Kafka refuses never lies in it. TestUnreadableBatches has these from brokers that let them through.
func TestKafkaRefuses(t *testing.T) {
	t.Parallel()
	o := newOutside(t, 1, nil)
	for name, p := range poisons(t) {
		batch := p.sent
		if batch == nil {
			batch = p.batch
		}
		_, err := tryProduce(t, o.brokers, partition{o.topic, 0}, batch)
		unpacks := strings.HasSuffix(name, " bomb") || strings.HasSuffix(name, " crowd")
		if unpacks != (err == nil) {
			t.Errorf("%s: answered with %v", name, err)
		}
	}
}

// A clean hand-over repeats nothing, of a process to its successor and between two that share the partitions.
func TestKafkaHandOver(t *testing.T) {
	t.Parallel()
	o := newOutside(t, 4, nil)
	list := submissions(t, 710, 3000)
	first := o.start(t)
	o.produce(t, list[:1000])
	first.until(t, "the first thousand", o.complete)
	second := o.start(t)
	o.produce(t, list[1000:2000])
	second.until(t, "the second thousand", o.complete)
	second.until(t, "both have partitions", func() bool {
		return strings.Contains(second.logs.String(), `"partitions assigned","service":"kafka-bridge","partitions":2`)
	})
	first.stop(t)
	o.produce(t, list[2000:])
	second.until(t, "the third thousand", o.complete)
	second.until(t, "no lag", func() bool { return second.lag(t) == 0 })
	second.stop(t)
	o.exact(t)
}

// After kill -9 the successor takes over: nothing is lost. The time is printed for docs/benchmarks.md.
func TestKafkaKill(t *testing.T) {
	t.Parallel()
	o := newOutside(t, 4, nil)
	list := submissions(t, 720, 2000)
	first := o.start(t)
	o.produce(t, list[:1000])
	first.until(t, "the first thousand", o.complete)
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	second := o.start(t)
	o.produce(t, list[1000:])
	second.until(t, "everything", o.complete)
	t.Logf("every payment was published %.1f s after kill -9", time.Since(killed).Seconds())
	second.stop(t)
	t.Logf("%d published again", o.lossless(t))
}

// Of a transactional producer only what it committed is a payment, whatever lies between.
func TestKafkaTransactions(t *testing.T) {
	t.Parallel()
	o := newOutside(t, 1, nil)
	producer, err := kgo.NewClient(kgo.SeedBrokers(o.brokers...), kgo.DefaultProduceTopic(o.topic), kgo.TransactionalID(o.topic))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	plain := o.producer
	o.producer = producer
	list := submissions(t, 730, 400)
	for i := range 10 {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		end, keep := kgo.TryCommit, list[40*i:40*i+20]
		if i%2 == 1 {
			end = kgo.TryAbort
			o.write(t, records(t, keep))
		} else {
			o.produce(t, keep)
		}
		if err := producer.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		o.producer = plain
		o.produce(t, list[40*i+20:40*i+40])
		o.producer = producer
	}
	p := o.start(t)
	p.until(t, "what was committed", o.complete)
	p.until(t, "no lag", func() bool { return p.lag(t) == 0 })
	p.stop(t)
	o.exact(t)
}

// records encodes payments.
func records(t *testing.T, list []pix.Submission) []*kgo.Record {
	t.Helper()
	out := make([]*kgo.Record, len(list))
	for i := range list {
		data, err := event.EncodeSubmissionJSON(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		out[i] = &kgo.Record{Value: data}
	}
	return out
}

// The broker may write its own time over the producer's, and compress in its own way.
func TestKafkaBrokerRewrites(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			o := newOutside(t, 2, map[string]string{"message.timestamp.type": "LogAppendTime", "compression.type": codec})
			o.produce(t, submissions(t, 740, 500))
			p := o.start(t)
			p.until(t, "everything", o.complete)
			p.until(t, "no lag", func() bool { return p.lag(t) == 0 })
			p.stop(t)
			o.exact(t)
		})
	}
}

// A partition that is added is read from its start.
func TestKafkaNewPartition(t *testing.T) {
	t.Parallel()
	o := newOutside(t, 1, nil)
	list := submissions(t, 750, 200)
	p := o.start(t)
	o.produce(t, list[:100])
	p.until(t, "before", o.complete)
	req := kmsg.NewPtrCreatePartitionsRequest()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = o.topic, 2
	req.TimeoutMillis, req.Topics = 60_000, append(req.Topics, topic)
	if _, err := req.RequestWith(t.Context(), o.client); err != nil {
		t.Fatal(err)
	}
	added := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	manual, err := kgo.NewClient(kgo.SeedBrokers(o.brokers...), kgo.DefaultProduceTopic(o.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer manual.Close()
	for i, r := range records(t, list[100:]) {
		r.Partition = 1
		if err := manual.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		o.produced[list[100+i].ID]++
	}
	p.until(t, "the new partition", o.complete)
	t.Logf("a new partition was read %.1f s after it was added", time.Since(added).Seconds())
	p.stop(t)
	o.exact(t)
}
