package bq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// batchRows is how many rows an answer of ReadRows carries at most.
const batchRows = 500

// maxSessions is how many streams of sessions can be read at a time: those begun last. BigQuery ends a session after six
// hours; who asks for one that ended is told so by both.
const maxSessions = 256

// sessions are the sessions begun last, by the names of their streams.
type sessions struct {
	mu     sync.Mutex
	byName map[string]*storagepb.ReadSession
	names  []string // oldest first
}

func (s *sessions) keep(name string, session *storagepb.ReadSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName == nil {
		s.byName = map[string]*storagepb.ReadSession{}
	}
	s.byName[name], s.names = session, append(s.names, name)
	if len(s.names) > maxSessions {
		delete(s.byName, s.names[0])
		s.names = slices.Delete(s.names, 0, 1)
	}
}

func (s *sessions) find(name string) (*storagepb.ReadSession, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.byName[name]
	return session, ok
}

// CreateReadSession passes the call on, and BigQuery's form of an Arrow schema back. What the session reads is kept.
func (f *front) CreateReadSession(ctx context.Context, r *storagepb.CreateReadSessionRequest) (*storagepb.ReadSession, error) {
	session, err := forward(ctx, f.read.CreateReadSession, r)
	onlySchema(session.GetArrowSchema())
	for _, s := range session.GetStreams() {
		f.sessions.keep(s.GetName(), session)
	}
	return session, err
}

// ReadRows answers Arrow by a query: of a column with lists the emulator makes batches of unequal length, and the process
// ends. Other forms are passed on.
func (f *front) ReadRows(r *storagepb.ReadRowsRequest, down storagepb.BigQueryRead_ReadRowsServer) error {
	session, ok := f.sessions.find(r.GetReadStream())
	if !ok {
		return status.Errorf(codes.NotFound, "there is no read stream %s, or its session has ended", r.GetReadStream())
	}
	if session.GetDataFormat() != storagepb.DataFormat_ARROW {
		return f.passRows(r, down)
	}
	schema, err := ipc.NewReader(bytes.NewReader(session.GetArrowSchema().GetSerializedSchema()))
	if err != nil {
		return status.Errorf(codes.Internal, "schema: %v", err)
	}
	defer schema.Release()
	rows, err := f.sql.Query(statement(session, schema.Schema())).Read(down.Context())
	if err != nil {
		return status.Errorf(codes.InvalidArgument, "read: %v", err)
	}
	if err := skip(rows, r.GetOffset()); err != nil {
		return status.Errorf(codes.Internal, "rows: %v", err)
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema.Schema())
	defer builder.Release()
	for more := true; more; {
		var n int64
		if n, more, err = fill(builder, rows); err != nil {
			return status.Errorf(codes.Internal, "rows: %v", err)
		}
		if err := send(down, builder, n); err != nil {
			return err
		}
	}
	return nil
}

// statement is the query of a session. Its columns are in the order of the Arrow schema, which is the table's.
func statement(session *storagepb.ReadSession, schema *arrow.Schema) string {
	columns := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		columns[i] = "`" + f.Name + "`"
	}
	part := strings.Split(session.GetTable(), "/") // projects/p/datasets/d/tables/t
	sql := fmt.Sprintf("SELECT %s FROM `%s.%s.%s`", strings.Join(columns, ", "), part[1], part[3], part[5])
	if where := session.GetReadOptions().GetRowRestriction(); where != "" {
		sql += " WHERE " + where
	}
	return sql
}

// skip passes over the rows that the reader has already.
func skip(rows *bigquery.RowIterator, n int64) error {
	for range n {
		var row []bigquery.Value
		if err := rows.Next(&row); errors.Is(err, iterator.Done) {
			return nil
		} else if err != nil {
			return fmt.Errorf("next: %w", err)
		}
	}
	return nil
}

func fill(b *array.RecordBuilder, rows *bigquery.RowIterator) (n int64, more bool, err error) {
	for ; n < batchRows; n++ {
		var row []bigquery.Value
		if err := rows.Next(&row); errors.Is(err, iterator.Done) {
			return n, false, nil
		} else if err != nil {
			return n, false, fmt.Errorf("next: %w", err)
		}
		for i, v := range row {
			if err := put(b.Field(i), v); err != nil {
				return n, false, err
			}
		}
	}
	return n, true, nil
}

// put appends one value. A list is never null in BigQuery.
func put(b array.Builder, v bigquery.Value) error {
	if list, ok := b.(*array.ListBuilder); ok {
		items, _ := v.([]bigquery.Value)
		list.Append(true)
		for _, item := range items {
			if err := put(list.ValueBuilder(), item); err != nil {
				return err
			}
		}
		return nil
	}
	switch v := v.(type) {
	case nil:
		b.AppendNull()
	case []bigquery.Value:
		record, ok := b.(*array.StructBuilder)
		if !ok || record.NumField() != len(v) {
			return fmt.Errorf("a record for %s", b.Type())
		}
		record.Append(true)
		for i, field := range v {
			if err := put(record.FieldBuilder(i), field); err != nil {
				return err
			}
		}
	case string:
		b.(*array.StringBuilder).Append(v) //nolint:forcetypeassert // a test server
	case int64:
		b.(*array.Int64Builder).Append(v) //nolint:forcetypeassert // a test server
	case float64:
		b.(*array.Float64Builder).Append(v) //nolint:forcetypeassert // a test server
	case bool:
		b.(*array.BooleanBuilder).Append(v) //nolint:forcetypeassert // a test server
	case time.Time:
		b.(*array.TimestampBuilder).Append(arrow.Timestamp(v.UnixMicro())) //nolint:forcetypeassert // a test server
	default:
		return fmt.Errorf("a %T for %s", v, b.Type())
	}
	return nil
}

// send answers with what the builder holds.
func send(down storagepb.BigQueryRead_ReadRowsServer, b *array.RecordBuilder, n int64) error {
	record := b.NewRecord()
	defer record.Release()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(record.Schema()))
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		return status.Errorf(codes.Internal, "batch: %v", err)
	}
	_, batch := splitArrow(out.Bytes())
	return down.Send(&storagepb.ReadRowsResponse{ //nolint:wrapcheck // a status
		RowCount: n, Rows: &storagepb.ReadRowsResponse_ArrowRecordBatch{
			ArrowRecordBatch: &storagepb.ArrowRecordBatch{SerializedRecordBatch: batch},
		},
	})
}
