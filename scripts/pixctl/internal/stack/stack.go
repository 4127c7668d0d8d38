package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/api/option"
	"google.golang.org/grpc/test/bufconn"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Names of what the stack creates. They are the defaults of the deployed services.
const (
	ProjectID         = "sentinela"
	Dataset           = "fraud"
	Instance          = "sentinela"
	Table             = "pix"
	KafkaTopic        = event.KafkaTransactions
	TransactionsTopic = event.TopicTransactions
	DecisionsTopic    = event.TopicDecisions
	AlertsTopic       = event.TopicAlerts
	LabelsTopic       = event.TopicLabels
	DeadLetterTopic   = event.TopicDeadLetter
)

// Options varies a stack. The zero value has no warehouse.
type Options struct {
	// Warehouse starts BigQuery, bq.Start. Without it no function writes rows and there is no Reader: what is left decides
	// all the same, and does not wait for a SQL engine to be compiled.
	Warehouse pixtest.Starter
	Logs      io.Writer // of every service; nil discards them
	// Live says that Kafka's payments are of now, and its broker stamps when they came. Else they are a replay: simulated weeks and examples are over.
	Live bool
	// InProcess has the services call Pub/Sub and Bigtable without a connection, and Pub/Sub push over connections in memory:
	// for who shares the process with them and wants decisions. The ports are open all the same.
	InProcess bool
	// Faults is what Pub/Sub is made to do: duplicates, delays.
	Faults push.Faults
	// Bigtable and BigQuery are added to the functions' client options: interceptors that inject failures.
	Bigtable, BigQuery []option.ClientOption
	// Lake is a directory for the Delta tables; empty means the Cloud Storage fake.
	Lake string
	// ExportMargin is how old a row's stamp must be that the export takes it. 0 means the longest append, for ticks that come
	// while rows are written: one process has one clock, so nothing is added for skew.
	ExportMargin time.Duration
	// Policy is the location of a policy pack; empty means the shipped one.
	Policy string
	// Models is the location of a model store; empty means a bucket with the shipped models.
	Models string
	// Watch receives pushed copies of these topics, in addition to the functions.
	Watch map[string]http.Handler
	// Identity and Callers say who may push and ask; without VerifyCallers nobody is verified. PushToken is what the
	// subscriptions push with.
	Identity  host.IdentityConfig
	Callers   host.CallersConfig
	PushToken func() (string, error)
	// Tracing is where every service sends its spans, and of how many payments; the zero value sends none.
	Tracing obs.TracingConfig
	// Progress hears what starts, for a person to read.
	Progress func(format string, args ...any)
}

// Stack is a running system.
type Stack struct {
	Cloud     *pixtest.Cloud
	Bus       *bus.Bus          // a producer's
	Store     *store.Store      // an investigator's, without injected failures
	Reader    *warehouse.Reader // an analyst's; nil without a warehouse
	Tokenizer *pix.Tokenizer    // gives the tokens that the bridge and the scorer give

	ScorerURL    string // POST <ScorerURL>/v1/decisions
	FunctionsURL string // <FunctionsURL>/score/push, and so on for alert, audit, export and label
	MetricsURL   string
	LiveURL      string // the page on which people watch the scorer
	LakePlace    string // where the Delta tables are: gs://bucket/prefix or a directory

	options     Options
	registry    *prometheus.Registry
	logger      *slog.Logger
	score       *score.App
	served      map[string]bool              // functions by name
	pipes       map[string]*bufconn.Listener // by address, of what is reached in memory too
	dispatchers []*push.Dispatcher
	stops       []stop
}

// Models gives the models that serve.
func (s *Stack) Models() engine.Models { return s.score.Models() }

// Registry holds what MetricsURL tells.
func (s *Stack) Registry() *prometheus.Registry { return s.registry }

// Policy returns the policy in force.
func (s *Stack) Policy() *policy.Pack { return s.score.Policy() }

// stop is one thing to end, by name.
type stop struct {
	name string
	end  func(context.Context) error
}

// Start brings everything up. On failure nothing stays behind.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Progress == nil {
		o.Progress = func(string, ...any) {}
	}
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	s := &Stack{options: o, registry: obs.NewRegistry(), served: map[string]bool{}, pipes: map[string]*bufconn.Listener{}, LakePlace: o.Lake}
	if s.LakePlace == "" {
		s.LakePlace = "gs://" + modelBucket + "/lake"
	}
	s.logger = obs.Logger(o.Logs, slog.LevelInfo, obs.Service{Name: "sentinela", ProjectID: ProjectID})
	steps := []func(context.Context) error{
		s.startCloud, s.openClients, s.createSchemas, s.startFunctions, s.startBridge, s.startPush,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("start stack: %w", err), s.Stop(context.WithoutCancel(ctx)))
		}
	}
	return s, nil
}

// Bounds of Stop.
const (
	stopTimeout = 20 * time.Second
	stopSlack   = time.Second // for a part that is told that its time is over
)

// Stop ends everything in reverse order within ctx, at most 20 s, and returns every failure. A part that does not end is
// named and left behind.
func (s *Stack) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	var failures []error
	for _, st := range slices.Backward(s.stops) {
		if err := st.within(ctx); err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", st.name, err))
		}
	}
	s.stops = nil
	return errors.Join(failures...)
}

// within ends one part, or gives up soon after ctx has ended.
func (s stop) within(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.end(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(stopSlack):
		return lifecycle.ErrDeadline
	}
}

// onStop remembers how to end what was just started.
func (s *Stack) onStop(name string, end func(context.Context) error) {
	s.stops = append(s.stops, stop{name, end})
}

// background runs a loop until Stop; its error then counts as a failure to stop.
func (s *Stack) background(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	s.onStop(name, func(ctx context.Context) error {
		cancel()
		select {
		case err := <-done:
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-ctx.Done():
			return lifecycle.ErrDeadline
		}
	})
}

// serve answers HTTP on a free port and returns its URL.
func (s *Stack) serve(ctx context.Context, name string, handler http.Handler) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for %s: %w", name, err)
	}
	server := lifecycle.NewServer(handler, lifecycle.ServerConfig{})
	if s.options.InProcess {
		pipe := bufconn.Listen(pipeBytes)
		s.pipes[listener.Addr().String()] = pipe
		go func() { _ = server.Serve(pipe) }() // ends likewise
	}
	go func() { _ = server.Serve(listener) }() // ends with ErrServerClosed when Stop shuts it down
	s.onStop(name, server.Shutdown)
	return "http://" + listener.Addr().String(), nil
}

// pipeBytes is how much a connection in memory holds each way: an answer whole, and of a request the most.
const pipeBytes = 8 << 10

// dial connects to a service of the stack, in memory when it listens there.
func (s *Stack) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if pipe := s.pipes[address]; pipe != nil {
		return pipe.DialContext(ctx) //nolint:wrapcheck // the HTTP client says what it dialled
	}
	return new(net.Dialer).DialContext(ctx, network, address) //nolint:wrapcheck // likewise
}

// Env returns every endpoint as a NAME=value line, under the names that other clients know.
func (s *Stack) Env() []string {
	return append(s.Cloud.Env(),
		"SCORER_URL="+s.ScorerURL, "FUNCTIONS_URL="+s.FunctionsURL, "METRICS_URL="+s.MetricsURL, "LIVE_URL="+s.LiveURL, "LAKE="+s.LakePlace,
		"PROJECT="+ProjectID, "DATASET="+Dataset, "BIGTABLE_INSTANCE="+Instance)
}
