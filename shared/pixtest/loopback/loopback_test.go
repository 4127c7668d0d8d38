package loopback_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sentinela-pix/sentinela/shared/pixtest/loopback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers what a request asks for.
type service struct {
	connected atomic.Int64 // calls that came over a connection
	kept      atomic.Pointer[wrapperspb.StringValue]
}

// arrive notes whether a call came over a connection, and passes metadata back.
func (s *service) arrive(ctx context.Context) string {
	if _, ok := peer.FromContext(ctx); ok {
		s.connected.Add(1)
	}
	sent, _ := metadata.FromIncomingContext(ctx)
	return fmt.Sprint(sent.Get("asked"), ctx.Value(key{}))
}

type key struct{}

// fail is the error that a word asks for.
func (s *service) fail(ctx context.Context, word string) error {
	switch word {
	case "status":
		return fmt.Errorf("wrapped: %w", status.Error(codes.FailedPrecondition, "not now"))
	case "error":
		return errors.New("plain")
	case "deadline":
		return context.DeadlineExceeded
	case "wait":
		<-ctx.Done()
		return ctx.Err()
	default:
		return nil
	}
}

func (s *service) desc() *grpc.ServiceDesc {
	call := func(_ any, ctx context.Context, decode func(any) error, around grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.StringValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, _ any) (any, error) {
			s.kept.Store(in)
			answer := in.GetValue() + s.arrive(ctx)
			_ = grpc.SetHeader(ctx, metadata.Pairs("head", "1"))
			_ = grpc.SetTrailer(ctx, metadata.Pairs("tail", "2"))
			return wrapperspb.String(answer), s.fail(ctx, in.GetValue())
		}
		if around == nil {
			return handle(ctx, in)
		}
		return around(ctx, in, &grpc.UnaryServerInfo{}, handle)
	}
	list := func(_ any, stream grpc.ServerStream) error {
		in := new(wrapperspb.StringValue)
		if err := stream.RecvMsg(in); err != nil {
			return err
		}
		_ = stream.SetHeader(metadata.Pairs("head", "1"))
		stream.SetTrailer(metadata.Pairs("tail", "2"))
		for i := range 3 {
			if err := stream.SendMsg(wrapperspb.String(fmt.Sprint(in.GetValue(), i, s.arrive(stream.Context())))); err != nil {
				return err
			}
		}
		return s.fail(stream.Context(), in.GetValue())
	}
	chat := func(_ any, stream grpc.ServerStream) error {
		for {
			in := new(wrapperspb.StringValue)
			if err := stream.RecvMsg(in); err != nil {
				return nil //nolint:nilerr // the client has ended the stream
			}
			s.arrive(stream.Context())
			if err := stream.SendMsg(in); err != nil {
				return err
			}
		}
	}
	return &grpc.ServiceDesc{
		ServiceName: "test.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: call}},
		Streams: []grpc.StreamDesc{
			{StreamName: "List", Handler: list, ServerStreams: true},
			{StreamName: "Chat", Handler: chat, ServerStreams: true, ClientStreams: true},
		},
	}
}

// around is a server's interceptors: both ways of a call must lead through them.
func around(word string) (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if in, ok := req.(*wrapperspb.StringValue); ok && in.GetValue() == word {
				return nil, status.Error(codes.PermissionDenied, word)
			}
			return next(ctx, req)
		}, func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if sent, _ := metadata.FromIncomingContext(stream.Context()); fmt.Sprint(sent.Get("asked")) == "["+word+"]" {
				return status.Error(codes.PermissionDenied, word)
			}
			return next(server, stream)
		}
}

// connect serves and returns a client's connection, whose calls are taken by a loopback or not.
func connect(tb testing.TB, s *service, direct bool, others ...grpc.DialOption) *grpc.ClientConn {
	tb.Helper()
	unary, stream := around("forbidden")
	server, listener := grpc.NewServer(grpc.UnaryInterceptor(unary), grpc.StreamInterceptor(stream)), bufconn.Listen(1<<16)
	server.RegisterService(s.desc(), s)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	options := append(others, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if direct {
		l := loopback.New(unary, stream)
		l.RegisterService(s.desc(), s)
		options = append(options, l.DialOptions()...)
	}
	conn, err := grpc.NewClient("passthrough:///memory", options...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close(); server.Stop(); <-done })
	return conn
}

// outcome is all that a client learns from a call.
type outcome struct {
	Answers    []string
	Code       codes.Code
	Message    string
	Told       bool // the error is a status
	Head, Tail []string
}

// ask calls once.
func ask(ctx context.Context, conn *grpc.ClientConn, method, word string) (o outcome) {
	var err error
	var header, trailer metadata.MD
	options := []grpc.CallOption{grpc.Header(&header), grpc.Trailer(&trailer)}
	defer func() {
		_, o.Told = status.FromError(err)
		o.Code, o.Message, o.Head, o.Tail = status.Code(err), status.Convert(err).Message(), header.Get("head"), trailer.Get("tail")
	}()
	out := new(wrapperspb.StringValue)
	if method == "/test.Echo/Call" {
		if err = conn.Invoke(ctx, method, wrapperspb.String(word), out, options...); err == nil {
			o.Answers = []string{out.GetValue()}
		}
		return o
	}
	var stream grpc.ClientStream
	if stream, err = conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, options...); err != nil {
		return o
	}
	if err = errors.Join(stream.SendMsg(wrapperspb.String(word)), stream.CloseSend()); err != nil {
		return o
	}
	for {
		if err = stream.RecvMsg(out); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return o
		}
		o.Answers = append(o.Answers, out.GetValue())
	}
}

// Whatever is asked, a client learns the same with and without a connection.
func TestCallsAreAsOverAConnection(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"/test.Echo/Call", "/test.Echo/List", "/test.Echo/None", "/test.None/Call"} {
		for _, word := range []string{"fine", "", "status", "error", "deadline", "wait", "forbidden", "ended"} {
			if word == "wait" && strings.Contains(method, "None") {
				continue // its answer is there before the deadline, or after
			}
			t.Run(method+" "+word, func(t *testing.T) {
				t.Parallel()
				var got [2]outcome
				for i, direct := range []bool{false, true} {
					s := new(service)
					ctx := context.WithValue(metadata.AppendToOutgoingContext(t.Context(), "asked", word), key{}, "the client's own")
					ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
					if word == "wait" {
						ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
						defer cancel()
					}
					if word == "ended" {
						cancel()
					}
					got[i] = ask(ctx, connect(t, s, direct), method, word)
					if direct && strings.HasPrefix(method, "/test.Echo") && s.connected.Load() > 0 {
						t.Error("the call went over the connection")
					}
				}
				if word == "wait" && method == "/test.Echo/List" {
					got[0].Answers = nil // over a connection some may have come before
					got[0].Head, got[1].Head = nil, nil
				}
				if word == "ended" || word == "wait" { // whose context has ended does not hear of headers
					got[0].Head, got[1].Head, got[0].Tail, got[1].Tail = nil, nil, nil, nil
					got[0].Message, got[1].Message = "", ""
				}
				if diff := cmp.Diff(got[0], got[1]); diff != "" {
					t.Errorf("-connection +loopback:\n%s", diff)
				}
			})
		}
	}
}

// Fields that a client's message does not know are the server's to read.
func TestUnknownFieldsArrive(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		request, answer := new(wrapperspb.StringValue), new(wrapperspb.StringValue)
		request.ProtoReflect().SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "fine"))
		if err := connect(t, new(service), direct).Invoke(t.Context(), "/test.Echo/Call", request, answer); err != nil || !strings.HasPrefix(answer.GetValue(), "fine") {
			t.Errorf("without a connection %t: %q, %v", direct, answer.GetValue(), err)
		}
	}
}

// A client that says more than once is answered over its connection.
func TestConversationsKeepTheirConnection(t *testing.T) {
	t.Parallel()
	s := new(service)
	stream, err := connect(t, s, true).NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"a", "b"} {
		out := new(wrapperspb.StringValue)
		if err := errors.Join(stream.SendMsg(wrapperspb.String(word)), stream.RecvMsg(out)); err != nil || out.GetValue() != word {
			t.Errorf("%q came back as %q: %v", word, out.GetValue(), err)
		}
	}
	if s.connected.Load() != 2 {
		t.Errorf("%d messages came over the connection", s.connected.Load())
	}
}

// What a client does to its messages later, the server does not see, and the other way round.
func TestEndsShareNoMessage(t *testing.T) {
	t.Parallel()
	s := new(service)
	conn := connect(t, s, true)
	request, answer := wrapperspb.String("mine"), new(wrapperspb.StringValue)
	if err := conn.Invoke(t.Context(), "/test.Echo/Call", request, answer); err != nil {
		t.Fatal(err)
	}
	request.Value = "changed"
	if kept := s.kept.Load(); kept == request || kept.GetValue() != "mine" {
		t.Errorf("the server has %q", kept.GetValue())
	}
}

// An interceptor that fails calls does so before a loopback takes them.
func TestInjectedFailuresComeFirst(t *testing.T) {
	t.Parallel()
	refused := status.Error(codes.Unavailable, "injected")
	conn := connect(t, new(service), true, grpc.WithChainUnaryInterceptor(
		func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
			return refused
		}))
	if got := ask(t.Context(), conn, "/test.Echo/Call", "fine"); got.Code != codes.Unavailable {
		t.Errorf("the call ended with %v", got.Code)
	}
}

// BenchmarkCall compares the ways to a server of the same process.
func BenchmarkCall(b *testing.B) {
	listen := func(network, address string) func(testing.TB, *service) *grpc.ClientConn {
		return func(tb testing.TB, s *service) *grpc.ClientConn {
			tb.Helper()
			listener, err := new(net.ListenConfig).Listen(tb.Context(), network, address)
			if err != nil {
				tb.Fatal(err)
			}
			server := grpc.NewServer()
			server.RegisterService(s.desc(), s)
			done := make(chan struct{})
			go func() { defer close(done); _ = server.Serve(listener) }()
			target := map[string]string{"tcp": "passthrough:///", "unix": "unix://"}[network] + listener.Addr().String()
			conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = conn.Close(); server.Stop(); <-done })
			return conn
		}
	}
	for _, way := range []struct {
		name    string
		connect func(testing.TB, *service) *grpc.ClientConn
	}{
		{"tcp", listen("tcp", "127.0.0.1:0")},
		{"unix", listen("unix", b.TempDir()+"/s")},
		{"bufconn", func(tb testing.TB, s *service) *grpc.ClientConn { tb.Helper(); return connect(tb, s, false) }},
		{"loopback", func(tb testing.TB, s *service) *grpc.ClientConn { tb.Helper(); return connect(tb, s, true) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			conn := way.connect(b, new(service))
			request := wrapperspb.String(strings.Repeat("x", 1500))
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := conn.Invoke(b.Context(), "/test.Echo/Call", request, new(wrapperspb.StringValue)); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
