package bq

import (
	"context"
	"errors"
	"io"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc"
)

// forward passes a call on as it is, status included.
func forward[Q, R any](ctx context.Context, call func(context.Context, Q, ...grpc.CallOption) (R, error), q Q) (R, error) {
	return call(ctx, q)
}

// CreateWriteStream passes the call on.
func (f *front) CreateWriteStream(ctx context.Context, r *storagepb.CreateWriteStreamRequest) (
	*storagepb.WriteStream, error,
) {
	return forward(ctx, f.write.CreateWriteStream, r)
}

// GetWriteStream passes the call on.
func (f *front) GetWriteStream(ctx context.Context, r *storagepb.GetWriteStreamRequest) (
	*storagepb.WriteStream, error,
) {
	return forward(ctx, f.write.GetWriteStream, r)
}

// FinalizeWriteStream passes the call on.
func (f *front) FinalizeWriteStream(ctx context.Context, r *storagepb.FinalizeWriteStreamRequest) (
	*storagepb.FinalizeWriteStreamResponse, error,
) {
	return forward(ctx, f.write.FinalizeWriteStream, r)
}

// BatchCommitWriteStreams passes the call on.
func (f *front) BatchCommitWriteStreams(ctx context.Context, r *storagepb.BatchCommitWriteStreamsRequest) (
	*storagepb.BatchCommitWriteStreamsResponse, error,
) {
	return forward(ctx, f.write.BatchCommitWriteStreams, r)
}

// FlushRows passes the call on.
func (f *front) FlushRows(ctx context.Context, r *storagepb.FlushRowsRequest) (
	*storagepb.FlushRowsResponse, error,
) {
	return forward(ctx, f.write.FlushRows, r)
}

// SplitReadStream passes the call on.
func (f *front) SplitReadStream(ctx context.Context, r *storagepb.SplitReadStreamRequest) (
	*storagepb.SplitReadStreamResponse, error,
) {
	return forward(ctx, f.read.SplitReadStream, r)
}

// passRows passes the rows on, in BigQuery's form.
func (f *front) passRows(r *storagepb.ReadRowsRequest, down storagepb.BigQueryRead_ReadRowsServer) error {
	up, err := forward(down.Context(), f.read.ReadRows, r)
	if err != nil {
		return err
	}
	for {
		rows, err := up.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err //nolint:wrapcheck // a proxy passes statuses on
		}
		onlyRows(rows)
		if err := down.Send(rows); err != nil {
			return err //nolint:wrapcheck // a proxy passes statuses on
		}
	}
}
