package appendtime_test

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/pixtest/appendtime"
)

// TestStampedBatchesAreWhole reads many batches, some of which kfake stamps in another millisecond than Stamp, with a client
// that holds every checksum to its batch.
func TestStampedBatchesAreWhole(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "x"), kfake.ListenFn(appendtime.Listen(net.Listen)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	appendtime.Stamp(cluster)
	begin := time.Now().Truncate(time.Millisecond)
	client := func(opts ...kgo.Opt) *kgo.Client {
		c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(cluster.ListenAddrs()...))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	const batches = 3000
	producer := client(kgo.DefaultProduceTopic("x"), kgo.ProducerLinger(0))
	for range batches {
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Value: []byte("v"), Timestamp: time.Unix(0, 0)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	consumer := client(kgo.ConsumeTopics("x"))
	for read := 0; read < batches; {
		fetches := consumer.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d batches: %v", read, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if read++; r.Attrs.TimestampType() != 1 || r.Timestamp.Before(begin) {
				t.Fatalf("record %d has the time %s of type %d, not the broker's", r.Offset, r.Timestamp, r.Attrs.TimestampType())
			}
		})
	}
}
