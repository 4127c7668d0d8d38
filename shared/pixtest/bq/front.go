package bq

import (
	"context"
	"errors"
	"fmt"
	"io"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	maxAppendBytes  = 10 << 20 // BigQuery's own bound
	maxRequestBytes = 20 << 20 // above it, so that the refusal is ours and says why
	maxChunkBytes   = 3 << 20  // the emulator's gRPC server takes 4 MB
)

// front stands before the emulator's Storage service and makes appends behave as BigQuery's do. Without it
//   - a request that leaves out its stream's name, as every one after the first on a connection may, is written to
//     any table that has a stream;
//   - an append to a stream that was not asked for before, as after a restart, blocks all writes for ever;
//   - a second schema on a connection is ignored, and 4 MB is the largest append.
type front struct {
	storagepb.UnimplementedBigQueryWriteServer
	storagepb.UnimplementedBigQueryReadServer
	write storagepb.BigQueryWriteClient
	read  storagepb.BigQueryReadClient
	rows  *inserter // nil leaves every row to the emulator

	engine   *engine
	sessions sessions
}

// AppendRows keeps one stream to the emulator for each write stream of the connection.
func (f *front) AppendRows(down storagepb.BigQueryWrite_AppendRowsServer) error {
	upstreams := map[string]*upstream{}
	name := ""
	for {
		request, err := down.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err //nolint:wrapcheck // a proxy passes statuses on
		}
		if request.GetWriteStream() != "" {
			name = request.GetWriteStream()
		}
		up, err := f.upstream(down.Context(), upstreams, name, request)
		if err != nil {
			return err
		}
		response, err := f.append(down.Context(), up, request)
		if err != nil {
			return err
		}
		if err := down.Send(response); err != nil {
			return err //nolint:wrapcheck // a proxy passes statuses on
		}
	}
}

// upstream is the emulator's side of one write stream.
type upstream struct {
	name   string
	schema *storagepb.ProtoSchema
	direct *target // nil: the emulator must do it
	stream storagepb.BigQueryWrite_AppendRowsClient
}

// upstream finds or opens the emulator's side, a new one when the writer's schema changes.
func (f *front) upstream(ctx context.Context, open map[string]*upstream, name string,
	request *storagepb.AppendRowsRequest,
) (*upstream, error) {
	schema := request.GetProtoRows().GetWriterSchema()
	up := open[name]
	if up != nil && (schema == nil || proto.Equal(schema, up.schema)) {
		return up, nil
	}
	if up != nil {
		if err := up.stream.CloseSend(); err != nil {
			return nil, fmt.Errorf("close stream: %w", err)
		}
	}
	found, err := f.write.GetWriteStream(ctx, &storagepb.GetWriteStreamRequest{Name: name})
	if err != nil {
		return nil, status.Errorf(codes.NotFound, "stream %s: %v", name, err)
	}
	stream, err := f.write.AppendRows(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // a proxy passes statuses on
	}
	open[name] = &upstream{name: name, schema: schema, stream: stream}
	if f.rows != nil {
		open[name].direct, _ = newTarget(found, name, schema) // none is the emulator's
	}
	return open[name], nil
}

// append writes the rows where they can be written directly, and else has the emulator do it, which answers what is wrong.
func (f *front) append(ctx context.Context, up *upstream, request *storagepb.AppendRowsRequest) (*storagepb.AppendRowsResponse, error) {
	if size := proto.Size(request); size > maxAppendBytes {
		return nil, status.Errorf(codes.InvalidArgument, "append of %d bytes is above the limit of %d", size, maxAppendBytes)
	}
	rows := request.GetProtoRows().GetRows().GetSerializedRows()
	if up.direct != nil && request.GetOffset() == nil && f.rows.insert(ctx, up.direct, rows) == nil {
		return &storagepb.AppendRowsResponse{
			WriteStream: up.name,
			Response: &storagepb.AppendRowsResponse_AppendResult_{AppendResult: &storagepb.AppendRowsResponse_AppendResult{
				Offset: wrapperspb.Int64(int64(len(rows))),
			}},
		}, nil
	}
	return up.append(request)
}

// append writes the rows, in several requests where they are many, and returns the last answer.
func (u *upstream) append(request *storagepb.AppendRowsRequest) (*storagepb.AppendRowsResponse, error) {
	rows := request.GetProtoRows().GetRows().GetSerializedRows()
	for {
		n := chunk(rows)
		part := &storagepb.AppendRowsRequest{
			WriteStream: u.name, Offset: request.GetOffset(),
			Rows: &storagepb.AppendRowsRequest_ProtoRows{ProtoRows: &storagepb.AppendRowsRequest_ProtoData{
				WriterSchema: u.schema, Rows: &storagepb.ProtoRows{SerializedRows: rows[:n]},
			}},
		}
		if err := u.stream.Send(part); err != nil && !errors.Is(err, io.EOF) {
			return nil, err //nolint:wrapcheck // a proxy passes statuses on
		}
		response, err := u.stream.Recv()
		if err != nil {
			return nil, err //nolint:wrapcheck // a proxy passes statuses on
		}
		rows = rows[n:]
		if len(rows) == 0 || response.GetError() != nil {
			return response, nil
		}
	}
}

// chunk returns how many rows fit into one request to the emulator, at least one.
func chunk(rows [][]byte) int {
	size := 0
	for i, row := range rows {
		if size += len(row); size > maxChunkBytes {
			return max(i, 1)
		}
	}
	return len(rows)
}
