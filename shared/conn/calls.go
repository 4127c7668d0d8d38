package conn

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// calls tells each connection what its calls wait for. gRPC reports to it every attempt of a call.
type calls struct{}

var _ stats.Handler = calls{}

type callKey struct{}

// call is one attempt. A call with one request waits for an answer until it ends; on a stream of requests each waits for
// one answer.
type call struct {
	mu     sync.Mutex
	conn   *conn // nil until the attempt is on a connection, and when that one is not watched
	stream bool
	owed   int
	sent   time.Time
}

// TagRPC begins an attempt.
func (calls) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, callKey{}, &call{})
}

// HandleRPC follows an attempt.
func (calls) HandleRPC(ctx context.Context, event stats.RPCStats) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *stats.Begin:
		c.stream = e.IsClientStream
	case *stats.OutHeader:
		if local, ok := e.LocalAddr.(address); ok {
			c.conn = local.conn
		}
		c.owe(!c.stream)
	case *stats.OutPayload:
		c.owe(c.stream)
	case *stats.InPayload:
		c.answered(c.stream, false)
	case *stats.End:
		for c.owed > 0 {
			c.answered(true, status.Code(e.Error) == codes.DeadlineExceeded)
		}
		c.conn = nil // a message that was being sent meanwhile owes nothing
	}
}

func (c *call) owe(due bool) {
	if due && c.conn != nil {
		c.owed++
		c.sent = time.Now()
		c.conn.owe(c.sent)
	}
}

func (c *call) answered(due, missed bool) {
	if due && c.conn != nil && c.owed > 0 {
		c.owed--
		c.conn.answered(1, missed, c.sent)
	}
}

// TagConn does nothing: connections are known from the dialer.
func (calls) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (calls) HandleConn(context.Context, stats.ConnStats) {}
