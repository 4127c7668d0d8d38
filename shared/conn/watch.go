package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

const (
	// minLimit keeps a pause of the machine from passing for a dead connection.
	minLimit = time.Second
	// connectTimeout bounds one attempt to connect with its handshake. gRPC's own 20 s would outlast a short outage.
	connectTimeout = 3 * time.Second
	// maxBackoff bounds the pause between attempts. gRPC's own 2 minutes would keep a client away long after an outage.
	maxBackoff = 3 * time.Second
)

// errCut is the cause of every dial after Cut.
var errCut = errors.New("the client is closed")

// Config says whose connections are watched.
type Config struct {
	// Client names the service in pix_connections_replaced_total: bigtable, pubsub or bigquery.
	Client string
	// Limit is how long a connection may owe an answer without delivering one byte. It is closed at the latest a
	// quarter later. Less than a second counts as a second.
	Limit time.Duration
	// Metrics receives pix_connections_replaced_total; nil means none.
	Metrics prometheus.Registerer
}

// Watch watches the connections of one client. It is safe for concurrent use.
type Watch struct {
	client   string
	limit    time.Duration
	dialer   func(ctx context.Context, address string) (net.Conn, error)
	replaced prometheus.Counter
	missing  atomic.Int64 // connections replaced since any connection delivered a byte

	mu    sync.Mutex
	conns map[*conn]struct{}
	cut   bool
}

// New returns a watch for one client.
func New(cfg Config) (*Watch, error) {
	w := &Watch{
		client: cfg.Client, limit: max(cfg.Limit, minLimit), dialer: dialTCP, conns: map[*conn]struct{}{},
		replaced: prometheus.NewCounter(prometheus.CounterOpts{
			Name:        "pix_connections_replaced_total",
			Help:        "Connections given up because an answer was due and did not come, by client.",
			ConstLabels: prometheus.Labels{"client": cfg.Client},
		}),
	}
	if cfg.Metrics != nil {
		if err := cfg.Metrics.Register(w.replaced); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return w, nil
}

// Options puts the client's connections under the watch. They must come last among a client's options. A connection that
// the caller dialled itself, as an emulator's variable makes the SDKs do, cannot be watched.
func (w *Watch) Options() []option.ClientOption {
	again := backoff.DefaultConfig
	again.BaseDelay, again.MaxDelay = 100*time.Millisecond, maxBackoff
	dial := []grpc.DialOption{
		grpc.WithContextDialer(w.dial),
		grpc.WithStatsHandler(calls{}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: connectTimeout}),
	}
	options := make([]option.ClientOption, len(dial))
	for i, o := range dial {
		options[i] = option.WithGRPCDialOption(o)
	}
	return options
}

// Err tells operators that connections were replaced and that no new one has delivered a byte yet: the service is out of
// this process's reach. It answers from memory.
func (w *Watch) Err() error {
	if n := w.missing.Load(); n > 0 {
		return fmt.Errorf("%d connections to %s were silent and replaced, none has answered since", n, w.client)
	}
	return nil
}

// Close closes a client by its own function. A client says goodbye on every connection and waits seconds for a dead one
// to take it, so when ctx ends first the connections are cut below it.
func (w *Watch) Close(ctx context.Context, client func() error) error {
	defer context.AfterFunc(ctx, w.Cut)()
	return client()
}

// Cut closes every connection at once and refuses new ones.
func (w *Watch) Cut() {
	w.mu.Lock()
	w.cut = true
	open := make([]*conn, 0, len(w.conns))
	for c := range w.conns {
		open = append(open, c)
	}
	w.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

// dial is the client's dialer.
func (w *Watch) dial(ctx context.Context, address string) (net.Conn, error) {
	raw, err := w.dialer(ctx, address)
	if err != nil {
		return nil, err
	}
	c := newConn(w, raw)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, errors.Join(errCut, raw.Close())
	}
	w.conns[c] = struct{}{}
	return c, nil
}

// replace closes a silent connection, and with it those that owe nothing and have been silent for as long: nobody can
// tell whether they live, and closing one that is idle costs no call. Each would otherwise cost a call its deadline.
func (w *Watch) replace(dead *conn, since time.Time) {
	w.mu.Lock()
	silent := []*conn{dead}
	for c := range w.conns {
		if c != dead && c.idleSince(since) {
			silent = append(silent, c)
		}
	}
	w.mu.Unlock()
	for _, c := range silent {
		_ = c.Close()
		w.GaveUp()
	}
}

// GaveUp counts a connection that its client gives up by itself.
func (w *Watch) GaveUp() {
	w.missing.Add(1)
	w.replaced.Inc()
}

func (w *Watch) forget(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}
