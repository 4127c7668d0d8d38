package warehouse_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// breakingServer is a Storage Read API of one stream of numbered labels that breaks after every few rows.
type breakingServer struct {
	storagepb.UnimplementedBigQueryReadServer
	rows, batch, breakAfter int64
	with                    codes.Code
	record                  arrow.Record
	sessions, reads         atomic.Int64
}

func newBreakingServer(t *testing.T, rows, batch, breakAfter int64, with codes.Code) *breakingServer {
	t.Helper()
	columns, err := warehouse.LakeSchema("labels")
	if err != nil {
		t.Fatal(err)
	}
	fields := arrowFields(columns)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for n := range rows {
		for i := range columns {
			if b, ok := builder.Field(i).(*array.StringBuilder); ok {
				b.Append(fmt.Sprint(n))
			} else {
				builder.Field(i).AppendNull()
			}
		}
	}
	return &breakingServer{rows: rows, batch: batch, breakAfter: breakAfter, with: with, record: builder.NewRecord()}
}

func (s *breakingServer) CreateReadSession(context.Context, *storagepb.CreateReadSessionRequest) (*storagepb.ReadSession, error) {
	s.sessions.Add(1)
	schema, _, err := serialized(s.record.NewSlice(0, 0))
	if err != nil {
		return nil, err
	}
	return &storagepb.ReadSession{
		Streams: []*storagepb.ReadStream{{Name: "s"}},
		Schema:  &storagepb.ReadSession_ArrowSchema{ArrowSchema: &storagepb.ArrowSchema{SerializedSchema: schema}},
	}, nil
}

func (s *breakingServer) ReadRows(r *storagepb.ReadRowsRequest, down storagepb.BigQueryRead_ReadRowsServer) error {
	s.reads.Add(1)
	for from, sent := r.GetOffset(), int64(0); from < s.rows; {
		n := min(s.batch, s.rows-from, s.breakAfter-sent)
		if n <= 0 {
			return status.Error(s.with, "the stream was reset")
		}
		_, batch, err := serialized(s.record.NewSlice(from, from+n))
		if err != nil {
			return err
		}
		if err := down.Send(&storagepb.ReadRowsResponse{RowCount: n, Rows: &storagepb.ReadRowsResponse_ArrowRecordBatch{
			ArrowRecordBatch: &storagepb.ArrowRecordBatch{SerializedRecordBatch: batch},
		}}); err != nil {
			return err
		}
		from, sent = from+n, sent+n
	}
	return nil
}

// TestABrokenReadGoesOnWhereItBroke: every row once and in order, by one session, however often the stream breaks.
func TestABrokenReadGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rows, batch, breakAfter, reads int64
		with                           codes.Code
	}{
		{100, 10, 1000, 1, codes.Unavailable},
		{100, 10, 10, 10, codes.Unavailable},
		{100, 10, 7, 15, codes.Internal},
		{100, 40, 1, 100, codes.Aborted},
		{1, 10, 1, 1, codes.ResourceExhausted},
	} {
		s := newBreakingServer(t, tc.rows, tc.batch, tc.breakAfter, tc.with)
		n := 0
		for row, err := range openExtract(t, s).Rows(t.Context(), "labels", warehouse.Slice{}) {
			if err != nil {
				t.Fatalf("%+v: row %d: %v", tc, n, err)
			}
			if want := lake.Text(fmt.Sprint(n)).AppendKey(nil); !bytes.Equal(row[0].AppendKey(nil), want) {
				t.Fatalf("%+v: row %d is another", tc, n)
			}
			n++
		}
		if int64(n) != tc.rows || s.sessions.Load() != 1 || s.reads.Load() != tc.reads {
			t.Errorf("%+v: %d rows by %d sessions and %d reads", tc, n, s.sessions.Load(), s.reads.Load())
		}
	}
}

// TestAReadThatOnlyBreaksIsGivenUp, and one that is refused is not tried again.
func TestAReadThatOnlyBreaksIsGivenUp(t *testing.T) {
	t.Parallel()
	for with, reads := range map[codes.Code]int64{codes.Unavailable: 6, codes.PermissionDenied: 1} {
		s := newBreakingServer(t, 10, 5, 0, with)
		var failed error
		for _, err := range openExtract(t, s).Rows(t.Context(), "labels", warehouse.Slice{}) {
			failed = err
		}
		if pix.KindOf(failed) != pix.Unavailable || !strings.Contains(failed.Error(), with.String()) || s.reads.Load() != reads {
			t.Errorf("%s: %d reads, want %d; %v", with, s.reads.Load(), reads, failed)
		}
	}
}
