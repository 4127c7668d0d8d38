package pixtest

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"
)

// oneWriter keeps bttest's readers and writers apart. Its ReadRows walks a row's columns without a lock while a write to
// the same row sorts them, so a reader can miss a cell that was there: Bigtable reads a row atomically.
func oneWriter() []grpc.ServerOption {
	var rows sync.RWMutex
	enter := func(method string) (leave func()) {
		if strings.HasSuffix(method, "/ReadRows") {
			rows.RLock()
			return rows.RUnlock
		}
		rows.Lock()
		return rows.Unlock
	}
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, call *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			defer enter(call.FullMethod)()
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(server any, stream grpc.ServerStream, call *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			defer enter(call.FullMethod)()
			return next(server, stream)
		}),
	}
}
