package loopback

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// open is the client's interceptor.
//
//nolint:revive // the arguments are those of grpc.StreamClientInterceptor
func (l *Loopback) open(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, name string, next grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	m, ok := l.stream[name]
	if !ok {
		return next(ctx, desc, cc, name, options...)
	}
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err() //nolint:wrapcheck // a status
	}
	return &stream{loopback: l, method: m, client: ctx, at: &transport{method: name}, options: options}, nil
}

// stream is a call with one request and many answers. The handler runs to its end when the request has been sent, before
// the client has taken the first answer: a server must not hold its locks for as long as a client takes.
type stream struct {
	loopback *Loopback
	method   streamMethod
	client   context.Context //nolint:containedctx // a stream has one
	at       *transport
	options  []grpc.CallOption

	request any
	answers []any
	err     error // after the last answer
}

// Context implements grpc.ClientStream.
func (s *stream) Context() context.Context { return s.client }

// Header implements grpc.ClientStream.
func (s *stream) Header() (metadata.MD, error) { return s.at.header, nil }

// Trailer implements grpc.ClientStream.
func (s *stream) Trailer() metadata.MD { return s.at.trailer }

// SendMsg implements grpc.ClientStream.
func (s *stream) SendMsg(m any) error {
	s.request = m
	return nil
}

// CloseSend implements grpc.ClientStream.
func (s *stream) CloseSend() error {
	server := &served{stream: s, ctx: serverContext(s.client, s.at)}
	if around := s.loopback.aroundStream; around != nil {
		s.err = around(s.method.service, server, &grpc.StreamServerInfo{FullMethod: s.at.method, IsServerStream: true}, s.method.Handler)
	} else {
		s.err = s.method.Handler(s.method.service, server)
	}
	s.at.tell(s.options)
	if s.err == nil {
		s.err = io.EOF
	} else {
		s.err = asStatus(s.err)
	}
	return nil
}

// RecvMsg implements grpc.ClientStream.
func (s *stream) RecvMsg(m any) error {
	if err := s.client.Err(); err != nil {
		return status.FromContextError(err).Err() //nolint:wrapcheck // a status
	}
	if len(s.answers) == 0 {
		return s.err
	}
	first := s.answers[0]
	s.answers[0], s.answers = nil, s.answers[1:]
	return copyTo(m, first)
}

// served is the server's end of a stream.
type served struct {
	stream *stream
	ctx    context.Context //nolint:containedctx // a stream has one
}

// Context implements grpc.ServerStream.
func (s *served) Context() context.Context { return s.ctx }

// SetHeader implements grpc.ServerStream.
func (s *served) SetHeader(md metadata.MD) error { return s.stream.at.SetHeader(md) }

// SendHeader implements grpc.ServerStream.
func (s *served) SendHeader(md metadata.MD) error { return s.stream.at.SetHeader(md) }

// SetTrailer implements grpc.ServerStream.
func (s *served) SetTrailer(md metadata.MD) { _ = s.stream.at.SetTrailer(md) }

// RecvMsg implements grpc.ServerStream.
func (s *served) RecvMsg(m any) error {
	if s.stream.request == nil {
		return io.EOF
	}
	request := s.stream.request
	s.stream.request = nil
	return copyTo(m, request)
}

// SendMsg implements grpc.ServerStream. A server does not touch a message that it has sent.
func (s *served) SendMsg(m any) error {
	if err := s.ctx.Err(); err != nil {
		return status.FromContextError(err).Err() //nolint:wrapcheck // a status
	}
	if m == nil {
		return status.Error(codes.Internal, "no message") //nolint:wrapcheck // a status
	}
	s.stream.answers = append(s.stream.answers, m)
	return nil
}
