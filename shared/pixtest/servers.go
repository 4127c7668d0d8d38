package pixtest

import (
	"context"
	"errors"
	"fmt"
	"net"

	"cloud.google.com/go/bigtable/bttest"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/twmb/franz-go/pkg/kfake"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sentinela-pix/sentinela/shared/pixtest/appendtime"
)

// maxMessageBytes is above the 10 MB of a Pub/Sub message and of a Kafka record: the clients must refuse what is too
// large, not the fakes' own 4 MB default.
const maxMessageBytes = 24 << 20

// maxBatchBytes bounds what one pull of a push dispatcher may return.
const maxBatchBytes = 1 << 30

// startKafka starts one broker. Topics that a client asks for and that do not exist are created with one partition.
func startKafka(topics map[string]int32, stamps bool) Starter {
	return func(ctx context.Context, c *Cloud) (Stop, error) {
		listen := func(network, _ string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(context.WithoutCancel(ctx), network, "127.0.0.1:0")
		}
		options := []kfake.Opt{
			kfake.NumBrokers(1),
			kfake.AllowAutoTopicCreation(),
			kfake.DefaultNumPartitions(1),
			kfake.ListenFn(listen),
		}
		for topic, partitions := range topics {
			options = append(options, kfake.SeedTopics(partitions, topic))
		}
		cluster, err := kfake.NewCluster(options...)
		if err != nil {
			return nil, fmt.Errorf("new cluster: %w", err)
		}
		if stamps {
			appendtime.Stamp(cluster)
		}
		c.KafkaBrokers = cluster.ListenAddrs()
		return func(context.Context) error { cluster.Close(); return nil }, nil
	}
}

func startPubSub(_ context.Context, c *Cloud) (Stop, error) {
	server := pstest.NewServerWithAddress("127.0.0.1:0")
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxBatchBytes)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), server.Close())
	}
	c.PubSubEndpoint, c.pubsubConn = server.Addr, conn
	return func(context.Context) error {
		err := errors.Join(conn.Close(), server.Close())
		server.Wait()
		return err
	}, nil
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
