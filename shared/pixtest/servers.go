package pixtest

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"cloud.google.com/go/bigtable/bttest"
	"github.com/twmb/franz-go/pkg/kfake"
	"google.golang.org/grpc"

	"github.com/sentinela-pix/sentinela/shared/pixtest/appendtime"
)

// maxMessageBytes is above the 10 MB of a Pub/Sub message and of a Kafka record: the clients must refuse what is too
// large, not the fakes' own 4 MB default.
const maxMessageBytes = 24 << 20

// Of a Kafka partition the newest records stay; what is older leaves in whole segments.
const (
	defaultKafkaRetention = 256 << 20
	segmentsKept          = 16
)

// startKafka starts one broker. Topics that a client asks for and that do not exist are created with one partition.
func startKafka(o *Options) Starter {
	return func(ctx context.Context, c *Cloud) (Stop, error) {
		listen := func(network, _ string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(context.WithoutCancel(ctx), network, "127.0.0.1:0")
		}
		retention := cmp.Or(o.KafkaRetention, defaultKafkaRetention)
		listening := listen
		if o.LogAppendTime {
			listening = appendtime.Listen(listen)
		}
		options := []kfake.Opt{
			kfake.NumBrokers(1),
			kfake.AllowAutoTopicCreation(),
			kfake.DefaultNumPartitions(1),
			kfake.ListenFn(listening),
			kfake.BrokerConfigs(map[string]string{
				"log.retention.bytes": strconv.FormatInt(retention, 10),
				"log.segment.bytes":   strconv.FormatInt(retention/segmentsKept, 10),
			}),
		}
		for topic, partitions := range o.KafkaTopics {
			options = append(options, kfake.SeedTopics(partitions, topic))
		}
		cluster, err := kfake.NewCluster(options...)
		if err != nil {
			return nil, fmt.Errorf("new cluster: %w", err)
		}
		if o.LogAppendTime {
			appendtime.Stamp(cluster)
		}
		c.KafkaBrokers = cluster.ListenAddrs()
		stop := every(forgetEvery, cluster.ApplyRetention) // only a topic's own settings make it do so by itself
		return func(context.Context) error { stop(); cluster.Close(); return nil }, nil
	}
}

// forgetEvery is how often servers let go of what nobody reads any more.
const forgetEvery = time.Second

// every does a thing again and again until the returned function has returned.
func every(period time.Duration, do func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				do()
			}
		}
	}()
	return func() { cancel(); <-done }
}

func startBigtable(keep bool) Starter {
	return func(_ context.Context, c *Cloud) (Stop, error) {
		options := append(OneWriter(), grpc.MaxRecvMsgSize(maxMessageBytes))
		if keep {
			options = append(options, keepCells())
		}
		server, err := bttest.NewServer("127.0.0.1:0", options...)
		if err != nil {
			return nil, fmt.Errorf("new server: %w", err)
		}
		c.BigtableEndpoint = server.Addr
		return func(context.Context) error { server.Close(); return nil }, nil
	}
}
