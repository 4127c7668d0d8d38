package conn

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/api/option"
	gtransport "google.golang.org/api/transport/grpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"
)

// wire is a connection that can die without a word: what is written is taken and lost, what arrives is lost.
type wire struct {
	net.Conn
	dead atomic.Bool
	once sync.Once
	full chan struct{} // when not nil, writes on a dead wire wait until it is closed
}

func (w *wire) Write(b []byte) (int, error) {
	if !w.dead.Load() {
		return w.Conn.Write(b)
	}
	if w.full != nil {
		<-w.full
		return 0, net.ErrClosed
	}
	return len(b), nil
}

func (w *wire) Read(b []byte) (int, error) {
	for {
		n, err := w.Conn.Read(b)
		if err != nil || !w.dead.Load() {
			return n, err
		}
	}
}

func (w *wire) Close() error {
	if w.full != nil && w.dead.Load() {
		w.once.Do(func() { close(w.full) })
	}
	return w.Conn.Close()
}

// The service answers a call after the duration that it carries, and each message of a stream likewise; less than zero
// is never.
const (
	methodCall = "/test.Slow/Call"
	methodChat = "/test.Slow/Chat"
)

func wait(ctx context.Context, d *durationpb.Duration) error {
	if d.AsDuration() < 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(d.AsDuration())
	return nil
}

func serviceDesc() *grpc.ServiceDesc {
	call := func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(durationpb.Duration)
		if err := decode(in); err != nil {
			return nil, err
		}
		return in, wait(ctx, in)
	}
	chat := func(_ any, stream grpc.ServerStream) error {
		for {
			in := new(durationpb.Duration)
			if err := stream.RecvMsg(in); err != nil {
				return nil //nolint:nilerr // the client has ended the stream
			}
			if err := wait(stream.Context(), in); err != nil {
				return err
			}
			if err := stream.SendMsg(in); err != nil {
				return err
			}
		}
	}
	return &grpc.ServiceDesc{
		ServiceName: "test.Slow", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: call}},
		Streams: []grpc.StreamDesc{{StreamName: "Chat", Handler: chat, ServerStreams: true, ClientStreams: true}},
	}
}

// network is a server of gRPC's default policy, a watch, and the wires between them.
type network struct {
	t        *testing.T
	watch    *Watch
	listener *bufconn.Listener
	registry *prometheus.Registry
	full     bool        // dead wires take no more bytes
	isolated atomic.Bool // new wires are dead

	mu    sync.Mutex
	wires []*wire
}

const limit = 4 * time.Second

// start must run in the test's bubble.
func start(t *testing.T) *network {
	t.Helper()
	n := &network{t: t, listener: bufconn.Listen(1 << 20), registry: prometheus.NewRegistry()}
	server := grpc.NewServer()
	server.RegisterService(serviceDesc(), struct{}{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(n.listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	var err error
	if n.watch, err = New(Config{Client: "test", Limit: limit, Metrics: n.registry}); err != nil {
		t.Fatal(err)
	}
	n.watch.dialer = func(ctx context.Context, _ string) (net.Conn, error) {
		raw, err := n.listener.DialContext(ctx)
		if err != nil {
			return nil, err
		}
		w := &wire{Conn: raw}
		if n.full {
			w.full = make(chan struct{})
		}
		w.dead.Store(n.isolated.Load())
		n.mu.Lock()
		defer n.mu.Unlock()
		n.wires = append(n.wires, w)
		return w, nil
	}
	return n
}

// dial opens a channel as a cloud client does.
func (n *network) dial() *channel {
	n.t.Helper()
	options := append([]option.ClientOption{
		option.WithEndpoint("passthrough:///test"), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}, n.watch.Options()...)
	c, err := gtransport.DialInsecure(n.t.Context(), options...)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Close() })
	return &channel{n.t, c}
}

// die kills every wire that is there.
func (n *network) die() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range n.wires {
		w.dead.Store(true)
	}
}

type channel struct {
	t *testing.T
	*grpc.ClientConn
}

// call asks for an answer after d and waits for it for at most patience.
func (c *channel) call(d, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	return c.Invoke(ctx, methodCall, durationpb.New(d), new(durationpb.Duration))
}

func (c *channel) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// chat opens a stream.
func (c *channel) chat() grpc.ClientStream {
	c.t.Helper()
	stream, err := c.NewStream(c.t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, methodChat)
	c.must(err)
	return stream
}

// ask sends one message and waits for its answer.
func ask(stream grpc.ClientStream, d time.Duration) error {
	return errors.Join(stream.SendMsg(durationpb.New(d)), stream.RecvMsg(new(durationpb.Duration)))
}
