package pixtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"cloud.google.com/go/bigtable/apiv2/bigtablepb"
	"cloud.google.com/go/bigtable/bttest"
	"github.com/twmb/franz-go/pkg/kfake"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sentinela-pix/sentinela/shared/pixtest/appendtime"
	"github.com/sentinela-pix/sentinela/shared/pixtest/loopback"
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

func startBigtable(o *Options) Starter {
	return func(ctx context.Context, c *Cloud) (Stop, error) {
		rows, found := newRowLocks(), make(chan any, 1)
		options := []grpc.ServerOption{
			grpc.MaxRecvMsgSize(maxMessageBytes),
			grpc.ChainUnaryInterceptor(finding(found), rows.unary), grpc.ChainStreamInterceptor(rows.stream),
		}
		if o.KeepCells {
			options = append(options, keepCells())
		}
		server, err := bttest.NewServer("127.0.0.1:0", options...)
		if err != nil {
			return nil, fmt.Errorf("new server: %w", err)
		}
		c.BigtableEndpoint = server.Addr
		stop := func(context.Context) error { server.Close(); return nil }
		if !o.InProcess {
			return stop, nil
		}
		service, err := findService(ctx, server.Addr, found)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("find service: %w", err), stop(ctx))
		}
		c.bigtable = loopback.New(rows.unary, rows.stream)
		bigtablepb.RegisterBigtableServer(c.bigtable, service)
		return stop, nil
	}
}

// finding is an interceptor that notes who serves the first call: the test server keeps its service to itself.
func finding(found chan<- any) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		select {
		case found <- info.Server:
		default:
		}
		return next(ctx, req)
	}
}

func findService(ctx context.Context, address string, found <-chan any) (service bigtablepb.BigtableServer, err error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := bigtablepb.NewBigtableClient(conn).PingAndWarm(ctx, &bigtablepb.PingAndWarmRequest{}); err != nil {
		return nil, fmt.Errorf("ping: %w", err)
	}
	service, ok := (<-found).(bigtablepb.BigtableServer)
	if !ok {
		return nil, errors.New("it is not Bigtable's")
	}
	return service, nil
}
