package bridge_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// counter acknowledges every publish without keeping it and tells when the last of total arrived.
type counter struct {
	seen, total atomic.Int64
	done        chan struct{}
}

func (c *counter) React(req any) (bool, any, error) {
	messages := req.(*pubsubpb.PublishRequest).GetMessages()
	ids := make([]string, len(messages))
	for i := range ids {
		ids[i] = "m"
	}
	if n := int64(len(messages)); c.seen.Add(n) >= c.total.Load() && c.seen.Load()-n < c.total.Load() {
		close(c.done)
	}
	return true, &pubsubpb.PublishResponse{MessageIds: ids}, nil
}

// encodings are the wire forms that a producer may choose.
func encodings() []string { return []string{event.EncodingJSON, event.EncodingProto} }

// wire returns a payment with raw identifiers in an encoding.
func wire(tb testing.TB, s *pix.Submission, encoding string) []byte {
	tb.Helper()
	data, err := event.EncodeSubmissionJSON(s)
	if err != nil {
		tb.Fatal(err)
	}
	if encoding == event.EncodingJSON {
		return data
	}
	var m pixv1.Transaction
	if err := protojson.Unmarshal(data, &m); err != nil {
		tb.Fatal(err)
	}
	if data, err = proto.Marshal(&m); err != nil {
		tb.Fatal(err)
	}
	return data
}

// bench fills a Kafka with b.N payments and opens a bus to a Pub/Sub that only counts.
func bench(b *testing.B, encoding string) (brokers []string, pubsub *bus.Bus, count *counter) {
	b.Helper()
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, kafkaTopic, event.KafkaTokenised))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(kafka.Close)
	count = &counter{done: make(chan struct{})}
	count.total.Store(int64(b.N))
	server := pstest.NewServer(pstest.ServerReactorOption{FuncName: "Publish", Reactor: count})
	b.Cleanup(func() { _ = server.Close() })
	pubsub, err = bus.Open(b.Context(), bus.Config{ProjectID: "test"}, option.WithEndpoint(server.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = pubsub.Close(context.Background()) })

	payloads := make([][]byte, 0, 2000)
	list := submissions(b, 50, cap(payloads))
	for i := range list {
		payloads = append(payloads, wire(b, &list[i], encoding))
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(kafka.ListenAddrs()...), kgo.DefaultProduceTopic(kafkaTopic), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	for i := range b.N {
		producer.Produce(b.Context(), &kgo.Record{
			Value:   payloads[i%len(payloads)],
			Headers: []kgo.RecordHeader{{Key: event.AttrEncoding, Value: []byte(encoding)}},
		}, nil)
	}
	if err := producer.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(payloads[0])))
	return kafka.ListenAddrs(), pubsub, count
}

// rate reports the figure that the budget is about, and what does not depend on who else uses the machine: the processor
// time since began of the whole process, which holds Kafka and Pub/Sub as well.
func rate(b *testing.B, began time.Duration) {
	b.Helper()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64((processor(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/record")
}

// processor is the time that this process has used.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBridge is the whole bridge: poll, decode, validate, tokenise, encode, publish, commit.
func BenchmarkBridge(b *testing.B) {
	for _, encoding := range encodings() {
		b.Run(encoding, func(b *testing.B) { runBridge(b, encoding, "") })
	}
}

// BenchmarkBridgeTokenised is the same with the second output, to compare with BenchmarkBridge of the same run.
func BenchmarkBridgeTokenised(b *testing.B) {
	for _, encoding := range encodings() {
		b.Run(encoding, func(b *testing.B) { runBridge(b, encoding, event.KafkaTokenised) })
	}
}

func runBridge(b *testing.B, encoding, tokenised string) {
	b.Helper()
	brokers, pubsub, count := bench(b, encoding)
	registry := obs.NewRegistry()
	m, err := bridge.New(bridge.Config{Brokers: brokers, TokenisedTopic: tokenised}, bridge.Deps{
		Bus: pubsub, Tokenizer: tokenizer(b), Registry: registry, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	began := processor(b)
	b.ResetTimer()
	go func() {
		defer close(done)
		_ = m.Run(ctx)
	}()
	<-count.done
	for tokenised != "" && counted(b, registry, "pix_bridge_tokenised_records_total") < float64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	rate(b, began)
	stop()
	<-done
}

// counted is the value of a counter without labels.
func counted(b *testing.B, registry *prometheus.Registry, name string) float64 {
	b.Helper()
	families, err := registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

// BenchmarkBareLoop is what the budget compares with: poll, publish the bytes as they are, wait, mark for commit.
func BenchmarkBareLoop(b *testing.B) {
	for _, encoding := range encodings() {
		b.Run(encoding, func(b *testing.B) { runBareLoop(b, encoding) })
	}
}

func runBareLoop(b *testing.B, encoding string) {
	b.Helper()
	brokers, pubsub, count := bench(b, encoding)
	began := processor(b)
	b.ResetTimer()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(kafkaTopic),
		kgo.AutoCommitMarks(), kgo.AutoCommitInterval(time.Second), kgo.BlockRebalanceOnPoll(), kgo.FetchMaxBytes(16<<20))
	if err != nil {
		b.Fatal(err)
	}
	results := make([]*bus.Result, 0, 5000)
	for published := 0; published < b.N; {
		records := client.PollRecords(b.Context(), 5000).Records()
		results = results[:0]
		for _, r := range records {
			results = append(results, pubsub.PublishAsync(b.Context(), event.TopicTransactions, event.Envelope{Data: r.Value}))
		}
		for _, r := range results {
			if err := r.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		client.MarkCommitRecords(records...)
		client.AllowRebalance()
		published += len(records)
	}
	<-count.done
	b.StopTimer()
	rate(b, began)
	client.CloseAllowingRebalance()
}

// BenchmarkConvert is one record alone on one processor.
func BenchmarkConvert(b *testing.B) {
	s := submissions(b, 51, 1)[0]
	tok := tokenizer(b)
	for _, encoding := range encodings() {
		b.Run(encoding, func(b *testing.B) {
			r := &kgo.Record{
				Value:   wire(b, &s, encoding),
				Headers: []kgo.RecordHeader{{Key: event.AttrEncoding, Value: []byte(encoding)}},
			}
			convert := bridge.Converter(tok)
			b.ReportAllocs()
			for b.Loop() {
				if convert(r) {
					b.Fatal("a good payment became a dead letter")
				}
			}
		})
	}
}
