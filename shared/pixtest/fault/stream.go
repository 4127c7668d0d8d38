package fault

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"
)

//nolint:revive // the arguments are those of grpc.StreamClientInterceptor
func (i *Injector) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, full string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	method := shortName(full)
	if !desc.ClientStreams {
		if err := i.enter(ctx, method); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	inner, err := open(ctx, desc, conn, full, options...)
	if err != nil {
		cancel()
		return nil, err
	}
	return &clientStream{
		ClientStream: inner, injector: i, method: method, perMessage: desc.ClientStreams, cancel: cancel,
	}, nil
}

// clientStream breaks a stream the way a network does: after a fault it is dead and every later call says so.
type clientStream struct {
	grpc.ClientStream
	injector   *Injector
	method     string
	perMessage bool // a bidirectional stream: each message sent is a call
	cancel     context.CancelFunc

	mu     sync.Mutex
	broken error
}

// SendMsg counts, delays or refuses a message on a bidirectional stream.
func (s *clientStream) SendMsg(m any) error {
	if s.failure() != nil {
		return io.EOF
	}
	if s.perMessage {
		if err := s.injector.enter(s.Context(), s.method); err != nil {
			s.fail(err)
			return io.EOF // as gRPC has it: the status comes from RecvMsg
		}
	}
	return s.ClientStream.SendMsg(m) //nolint:wrapcheck // gRPC compares io.EOF
}

// RecvMsg loses a reply that the server has sent.
func (s *clientStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if broken := s.failure(); broken != nil {
		return broken
	}
	if err != nil {
		s.cancel()
		return err //nolint:wrapcheck // gRPC compares io.EOF
	}
	if s.injector.loses(s.method) {
		s.fail(errLost())
		return errLost()
	}
	return nil
}

func (s *clientStream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func (s *clientStream) fail(err error) {
	s.mu.Lock()
	s.broken = err
	s.mu.Unlock()
	s.cancel()
}
