package pixtest

import (
	"context"

	"cloud.google.com/go/bigtable/admin/apiv2/adminpb"
	"google.golang.org/grpc"
)

// KeepCells lets a client create tables without rules of garbage collection, as Options.KeepCells does for the server of this
// process: for an emulator that is a process of its own.
func KeepCells() grpc.DialOption {
	return grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			withoutRules(req)
			return call(ctx, method, req, reply, conn, opts...)
		})
}

// withoutRules strips the rules of garbage collection from a request that creates a table.
func withoutRules(request any) {
	if create, ok := request.(*adminpb.CreateTableRequest); ok {
		for _, family := range create.GetTable().GetColumnFamilies() {
			family.GcRule = nil
		}
	}
}
