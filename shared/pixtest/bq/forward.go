package bq

import (
	"context"
	"errors"
	"io"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
)

// The methods below pass a call on as it is.

// CreateWriteStream passes the call on.
func (f *front) CreateWriteStream(ctx context.Context, r *storagepb.CreateWriteStreamRequest) (
	*storagepb.WriteStream, error,
) {
	return f.write.CreateWriteStream(ctx, r)
}

// GetWriteStream passes the call on.
func (f *front) GetWriteStream(ctx context.Context, r *storagepb.GetWriteStreamRequest) (
	*storagepb.WriteStream, error,
) {
	return f.write.GetWriteStream(ctx, r)
}

// FinalizeWriteStream passes the call on.
func (f *front) FinalizeWriteStream(ctx context.Context, r *storagepb.FinalizeWriteStreamRequest) (
	*storagepb.FinalizeWriteStreamResponse, error,
) {
	return f.write.FinalizeWriteStream(ctx, r)
}

// BatchCommitWriteStreams passes the call on.
func (f *front) BatchCommitWriteStreams(ctx context.Context, r *storagepb.BatchCommitWriteStreamsRequest) (
	*storagepb.BatchCommitWriteStreamsResponse, error,
) {
	return f.write.BatchCommitWriteStreams(ctx, r)
}

// FlushRows passes the call on.
func (f *front) FlushRows(ctx context.Context, r *storagepb.FlushRowsRequest) (*storagepb.FlushRowsResponse, error) {
	return f.write.FlushRows(ctx, r)
}

// CreateReadSession passes the call on.
func (f *front) CreateReadSession(ctx context.Context, r *storagepb.CreateReadSessionRequest) (
	*storagepb.ReadSession, error,
) {
	return f.read.CreateReadSession(ctx, r)
}

// SplitReadStream passes the call on.
func (f *front) SplitReadStream(ctx context.Context, r *storagepb.SplitReadStreamRequest) (
	*storagepb.SplitReadStreamResponse, error,
) {
	return f.read.SplitReadStream(ctx, r)
}

// ReadRows passes the rows on.
func (f *front) ReadRows(r *storagepb.ReadRowsRequest, down storagepb.BigQueryRead_ReadRowsServer) error {
	up, err := f.read.ReadRows(down.Context(), r)
	if err != nil {
		return err
	}
	for {
		rows, err := up.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := down.Send(rows); err != nil {
			return err
		}
	}
}
