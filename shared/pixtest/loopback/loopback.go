package loopback

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Loopback holds the services of this process. Register all of them before the first call.
type Loopback struct {
	unary  map[string]unaryMethod
	stream map[string]streamMethod

	aroundUnary  grpc.UnaryServerInterceptor  // nil: none
	aroundStream grpc.StreamServerInterceptor // nil: none
}

type unaryMethod struct {
	grpc.MethodDesc
	service any
}

type streamMethod struct {
	grpc.StreamDesc
	service any
}

// New returns a loopback whose services run within a server's interceptors; nil is none.
func New(unary grpc.UnaryServerInterceptor, stream grpc.StreamServerInterceptor) *Loopback {
	return &Loopback{
		unary: map[string]unaryMethod{}, stream: map[string]streamMethod{}, aroundUnary: unary, aroundStream: stream,
	}
}

// RegisterService implements grpc.ServiceRegistrar.
func (l *Loopback) RegisterService(desc *grpc.ServiceDesc, service any) {
	prefix := "/" + desc.ServiceName + "/"
	for _, m := range desc.Methods {
		l.unary[prefix+m.MethodName] = unaryMethod{m, service}
	}
	for _, s := range desc.Streams {
		if !s.ClientStreams {
			l.stream[prefix+s.StreamName] = streamMethod{s, service}
		}
	}
}

// DialOptions make a client's connection call the registered services directly. They must come after whatever else
// intercepts its calls.
func (l *Loopback) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(l.call), grpc.WithChainStreamInterceptor(l.open)}
}

// Options are the DialOptions of a Google client.
func (l *Loopback) Options() []option.ClientOption {
	var options []option.ClientOption
	for _, o := range l.DialOptions() {
		options = append(options, option.WithGRPCDialOption(o))
	}
	return options
}

// call is the client's interceptor.
//
//nolint:revive // the arguments are those of grpc.UnaryClientInterceptor
func (l *Loopback) call(ctx context.Context, name string, request, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, options ...grpc.CallOption) error {
	m, ok := l.unary[name]
	if !ok || slices.ContainsFunc(options, asksForPeer) {
		return next(ctx, name, request, reply, cc, options...)
	}
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err() //nolint:wrapcheck // a status
	}
	at := &transport{method: name}
	answer, err := m.Handler(m.service, serverContext(ctx, at), func(to any) error { return copyTo(to, request) }, l.aroundUnary)
	at.tell(options)
	if err != nil {
		return asStatus(err)
	}
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err() //nolint:wrapcheck // a status
	}
	return copyTo(reply, answer)
}

// asksForPeer tells whether a caller wants to know what is at the other end of the connection.
func asksForPeer(o grpc.CallOption) bool {
	_, ok := o.(grpc.PeerCallOption)
	return ok
}

// copyTo copies a message: neither end may see what the other does to its own later.
func copyTo(to, from any) error {
	target, ok := to.(proto.Message)
	source, same := from.(proto.Message)
	if !ok || !same {
		return status.Errorf(codes.Internal, "a %T for a %T", from, to)
	}
	if len(source.ProtoReflect().GetUnknown()) > 0 { // the other end may know them
		wire, err := proto.Marshal(source)
		if err == nil {
			err = proto.Unmarshal(wire, target)
		}
		if err != nil {
			return status.Errorf(codes.Internal, "carry a %T: %v", from, err)
		}
		return nil
	}
	proto.Reset(target)
	proto.Merge(target, source)
	return nil
}

// asStatus is a handler's error as a client gets it.
func asStatus(err error) error {
	if s, ok := status.FromError(err); ok {
		return s.Err() //nolint:wrapcheck // a status
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err() //nolint:wrapcheck // a status
	}
	return status.Error(codes.Unknown, err.Error()) //nolint:wrapcheck // a status
}

// bounds is what of a client's context reaches the server: when it ends, and nothing that is in it.
type bounds struct{ client context.Context } //nolint:containedctx // it stands for it

// Deadline implements context.Context.
func (b bounds) Deadline() (time.Time, bool) { return b.client.Deadline() }

// Done implements context.Context.
func (b bounds) Done() <-chan struct{} { return b.client.Done() }

// Err implements context.Context.
func (b bounds) Err() error { return b.client.Err() } //nolint:wrapcheck // it is a context's

// Value implements context.Context.
func (bounds) Value(any) any { return nil }

// serverContext is what a handler gets.
func serverContext(client context.Context, at *transport) context.Context {
	sent, _ := metadata.FromOutgoingContext(client) // a copy
	return grpc.NewContextWithServerTransportStream(metadata.NewIncomingContext(bounds{client}, sent), at)
}

// transport collects what a handler tells beside its answer.
type transport struct {
	method          string
	header, trailer metadata.MD
}

// Method implements grpc.ServerTransportStream.
func (t *transport) Method() string { return t.method }

// SetHeader implements grpc.ServerTransportStream.
func (t *transport) SetHeader(md metadata.MD) error {
	t.header = metadata.Join(t.header, md)
	return nil
}

// SendHeader implements grpc.ServerTransportStream.
func (t *transport) SendHeader(md metadata.MD) error { return t.SetHeader(md) }

// SetTrailer implements grpc.ServerTransportStream.
func (t *transport) SetTrailer(md metadata.MD) error {
	t.trailer = metadata.Join(t.trailer, md)
	return nil
}

// tell gives a caller the metadata that it asked for.
func (t *transport) tell(options []grpc.CallOption) {
	for _, o := range options {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = t.header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = t.trailer
		}
	}
}
