package pixtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/sentinela-pix/sentinela/shared/pixtest/loopback"
)

// Stop ends one server and waits for it.
type Stop func(ctx context.Context) error

// Starter starts one server and writes its endpoint into the Cloud.
type Starter func(ctx context.Context, c *Cloud) (Stop, error)

// Options says what to start. The zero value starts nothing.
type Options struct {
	// ProjectID is the Google Cloud project of every service; default "sentinela".
	ProjectID string
	// KafkaTopics maps topic to number of partitions; Kafka starts when it is not nil.
	KafkaTopics map[string]int32
	// KafkaRetention is how many bytes of a partition stay, as a broker's log.retention.bytes; default 256 MiB.
	KafkaRetention int64
	// LogAppendTime has the broker stamp every record; else a producer's timestamp stands.
	LogAppendTime bool
	PubSub        bool
	Bigtable      bool
	// KeepCells turns off Bigtable's garbage collection. The test server walks the whole table for it every second, and
	// new rows wait; set it where time is measured.
	KeepCells bool
	// InProcess has the clients that get their options from the Cloud call Pub/Sub and Bigtable without a connection where
	// they can. The ports are open all the same.
	InProcess bool
	BigQuery  Starter // bq.Start
	Storage   Starter // gcs.Start
}

// Cloud is the running servers. An empty endpoint was not started.
type Cloud struct {
	ProjectID        string
	KafkaBrokers     []string // host:port each
	PubSubEndpoint   string   // host:port
	BigtableEndpoint string   // host:port
	BigQueryREST     string   // URL without a final slash
	BigQueryStorage  string   // host:port of the Storage gRPC service
	StorageEndpoint  string   // URL without a final slash

	mu      sync.Mutex
	stops   []Stop
	startup map[string]time.Duration

	pubsubConn *grpc.ClientConn

	pubsub, bigtable *loopback.Loopback // nil over connections
}

// closeTimeout bounds Close. A client that was not closed before can keep a server's graceful stop waiting.
const closeTimeout = 10 * time.Second

// Start starts the chosen servers in parallel and returns once all of them answer. On failure nothing stays behind.
func Start(ctx context.Context, o Options) (*Cloud, error) {
	c := &Cloud{ProjectID: o.ProjectID, startup: map[string]time.Duration{}}
	if c.ProjectID == "" {
		c.ProjectID = "sentinela"
	}
	starters := map[string]Starter{"bigquery": o.BigQuery, "storage": o.Storage}
	if o.KafkaTopics != nil {
		starters["kafka"] = startKafka(&o)
	}
	if o.PubSub {
		starters["pubsub"] = startPubSub(o.InProcess)
	}
	if o.Bigtable {
		starters["bigtable"] = startBigtable(&o)
	}
	g, ctx := errgroup.WithContext(ctx)
	for name, start := range starters {
		if start != nil {
			g.Go(func() error { return c.start(ctx, name, start) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, errors.Join(fmt.Errorf("pixtest: start: %w", err), c.Close())
	}
	return c, nil
}

func (c *Cloud) start(ctx context.Context, name string, start Starter) error {
	began := time.Now()
	stop, err := start(ctx, c)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startup[name] = time.Since(began)
	c.stops = append(c.stops, func(ctx context.Context) error {
		if err := stop(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	return nil
}

// Close stops everything that was started, the last first, and waits for it. Close the clients before: a server waits
// for its open streams. A second Close does nothing.
func (c *Cloud) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	c.mu.Lock()
	stops := c.stops
	c.stops = nil
	c.mu.Unlock()
	var failures []error
	for _, stop := range slices.Backward(stops) {
		failures = append(failures, stop(ctx))
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("pixtest: close: %w", err)
	}
	return nil
}

// Startup returns how long each server took to start.
func (c *Cloud) Startup() map[string]time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.startup)
}

// Env returns the endpoints as NAME=value lines under their standard names, for clients outside this process.
func (c *Cloud) Env() []string {
	lines := []string{"PROJECT=" + c.ProjectID}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, name+"="+value)
		}
	}
	add("KAFKA_BROKERS", strings.Join(c.KafkaBrokers, ","))
	add("PUBSUB_EMULATOR_HOST", c.PubSubEndpoint)
	add("BIGTABLE_EMULATOR_HOST", c.BigtableEndpoint)
	add("BIGQUERY_EMULATOR_HOST", c.BigQueryREST)
	add("BIGQUERY_STORAGE_EMULATOR_HOST", c.BigQueryStorage)
	add("STORAGE_EMULATOR_HOST", c.StorageEndpoint)
	return lines
}
