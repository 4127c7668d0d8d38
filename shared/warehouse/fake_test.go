package warehouse_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/wrapperspb"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// reply is what the fake does with one append: refuse it inside the protocol, break the stream, hang, or take it.
type reply struct {
	code codes.Code // embedded error, OK means none
	bad  []int64    // rows named as malformed, with code InvalidArgument
	cut  codes.Code // ends the stream with this status
	hang bool       // never answers
}

// fakeBigQuery is a storage write service for faults that the emulator cannot produce. It keeps what it acknowledged.
type fakeBigQuery struct {
	storagepb.UnimplementedBigQueryWriteServer
	script func(append int, rows [][]byte) reply

	mu      sync.Mutex
	appends int
	streams int
	rows    []string
	stamps  []time.Time // of every append that came
}

// unstamp parts the rows of an append from written_at, their last field. That is the zero time unless all rows have the same.
func unstamp(rows [][]byte) (bare [][]byte, at time.Time) {
	for i, row := range rows {
		last, value := 0, uint64(0)
		for rest := row; len(rest) > 0; {
			last = len(row) - len(rest)
			_, kind, n := protowire.ConsumeTag(rest)
			value, _ = protowire.ConsumeVarint(rest[n:])
			if kind != protowire.VarintType {
				value = 0
			}
			rest = rest[n+protowire.ConsumeFieldValue(1, kind, rest[n:]):]
		}
		bare = append(bare, row[:last])
		switch stamp := time.UnixMicro(int64(value)); {
		case i == 0:
			at = stamp
		case !stamp.Equal(at):
			at = time.Time{}
		}
	}
	return bare, at
}

func startFake(t *testing.T, script func(int, [][]byte) reply) (*fakeBigQuery, string) {
	t.Helper()
	f := &fakeBigQuery{script: script}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(32 << 20))
	storagepb.RegisterBigQueryWriteServer(server, f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return f, listener.Addr().String()
}

func (f *fakeBigQuery) GetWriteStream(_ context.Context, r *storagepb.GetWriteStreamRequest) (*storagepb.WriteStream, error) {
	return &storagepb.WriteStream{Name: r.GetName(), Type: storagepb.WriteStream_COMMITTED}, nil
}

func (f *fakeBigQuery) AppendRows(stream storagepb.BigQueryWrite_AppendRowsServer) error {
	f.mu.Lock()
	f.streams++
	f.mu.Unlock()
	for {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		rows, at := unstamp(request.GetProtoRows().GetRows().GetSerializedRows())
		f.mu.Lock()
		f.stamps = append(f.stamps, at)
		n := f.appends
		f.appends++
		f.mu.Unlock()
		r := f.script(n, rows)
		if r.hang {
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		if r.cut != codes.OK {
			return status.Error(r.cut, "cut by the test")
		}
		if err := stream.Send(f.answer(r, rows)); err != nil {
			return err
		}
	}
}

func (f *fakeBigQuery) answer(r reply, rows [][]byte) *storagepb.AppendRowsResponse {
	if r.code != codes.OK {
		response := &storagepb.AppendRowsResponse{Response: &storagepb.AppendRowsResponse_Error{Error: &spb.Status{Code: int32(r.code), Message: "refused by the test: SECRETVALUE"}}}
		for _, i := range r.bad {
			response.RowErrors = append(response.RowErrors, &storagepb.RowError{Index: i, Code: storagepb.RowError_FIELDS_ERROR, Message: "SECRETVALUE"})
		}
		return response
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range rows {
		f.rows = append(f.rows, string(row))
	}
	return &storagepb.AppendRowsResponse{Response: &storagepb.AppendRowsResponse_AppendResult_{
		AppendResult: &storagepb.AppendRowsResponse_AppendResult{Offset: wrapperspb.Int64(0)},
	}}
}

// counts returns how many appends and streams were seen, and a copy of the rows that were acknowledged.
func (f *fakeBigQuery) counts() (appends, streams int, rows []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.appends, f.streams, append([]string(nil), f.rows...)
}

func openFake(t *testing.T, endpoint string, timeout time.Duration) *warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.Open(t.Context(), warehouse.Config{ProjectID: "p", Dataset: "fraud", AppendTimeout: timeout}, emulator.GRPC(endpoint)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // what hangs is given up
		defer cancel()
		_ = w.Close(ctx)
	})
	return w
}
