package bq

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
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
	batches, err := f.batches(down.Context(), session, schema.Schema(), r.GetOffset())
	if err != nil {
		return status.Errorf(codes.InvalidArgument, "read: %v", err)
	}
	for _, batch := range batches {
		if err := down.Send(batch); err != nil {
			return err //nolint:wrapcheck // a status
		}
	}
	return nil
}

// batches reads all of a session's rows but the first so many: while they are read nobody writes, and a client may take
// its time. It asks the emulator's engine itself: as a query over REST each row would go through JSON six times, and the
// emulator would keep them all as the query's result and decode them again for every request that follows.
func (f *front) batches(ctx context.Context, session *storagepb.ReadSession, schema *arrow.Schema, skip int64) (batches []*storagepb.ReadRowsResponse, err error) {
	rows, done, err := f.engine.query(ctx, statement(session, schema))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for range skip {
		if !rows.Next() {
			break
		}
	}
	for more := true; more; {
		var n int64
		if n, more, err = fill(builder, rows, schema.NumFields()); err != nil {
			return nil, err
		}
		batch, err := encode(builder, n)
		if err != nil {
			return nil, err
		}
		batches = append(batches, batch)
	}
	return batches, nil
}

// statement is the query of a session. Its columns are in the order of the Arrow schema, which is the table's, and its
// timestamps are numbers, which the engine would give as text.
func statement(session *storagepb.ReadSession, schema *arrow.Schema) string {
	columns := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		columns[i] = "`" + f.Name + "`"
		if f.Type.ID() == arrow.TIMESTAMP {
			columns[i] = "UNIX_MICROS(" + columns[i] + ") AS " + columns[i]
		}
	}
	part := strings.Split(session.GetTable(), "/") // projects/p/datasets/d/tables/t
	sql := fmt.Sprintf("SELECT %s FROM `%s.%s.%s`", strings.Join(columns, ", "), part[1], part[3], part[5])
	if where := session.GetReadOptions().GetRowRestriction(); where != "" {
		sql += " WHERE " + where
	}
	return sql
}

func fill(b *array.RecordBuilder, rows *sql.Rows, columns int) (n int64, more bool, err error) {
	row, places := make([]any, columns), make([]any, columns)
	for i := range row {
		places[i] = &row[i]
	}
	for ; n < batchRows; n++ {
		if !rows.Next() {
			return n, false, rows.Err() //nolint:wrapcheck // the caller says what was read
		}
		clear(row)
		if err := rows.Scan(places...); err != nil {
			return n, false, fmt.Errorf("scan: %w", err)
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
func put(b array.Builder, v any) error {
	if list, ok := b.(*array.ListBuilder); ok {
		items, _ := v.([]any)
		list.Append(true)
		for _, item := range items {
			if err := put(list.ValueBuilder(), item); err != nil {
				return err
			}
		}
		return nil
	}
	if v == nil {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.StructBuilder:
		fields, ok := v.([]any)
		if !ok || b.NumField() != len(fields) {
			return fmt.Errorf("a %T for %s", v, b.Type())
		}
		b.Append(true)
		for i, field := range fields {
			if err := put(b.FieldBuilder(i), field); err != nil {
				return err
			}
		}
		return nil
	case *array.StringBuilder:
		return putOne(b.Append, v)
	case *array.Int64Builder:
		return putOne(b.Append, v)
	case *array.Float64Builder:
		return putOne(b.Append, v)
	case *array.BooleanBuilder:
		return putOne(b.Append, v)
	case *array.TimestampBuilder:
		return putOne(func(micros int64) { b.Append(arrow.Timestamp(micros)) }, v)
	default:
		return fmt.Errorf("a %T for %s", v, b.Type())
	}
}

func putOne[T any](add func(T), v any) error {
	one, ok := v.(T)
	if !ok {
		return fmt.Errorf("a %T instead of a %T", v, one)
	}
	add(one)
	return nil
}

// encode is an answer of what the builder holds.
func encode(b *array.RecordBuilder, n int64) (*storagepb.ReadRowsResponse, error) {
	record := b.NewRecord()
	defer record.Release()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(record.Schema()))
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	_, batch := splitArrow(out.Bytes())
	return &storagepb.ReadRowsResponse{
		RowCount: n, Rows: &storagepb.ReadRowsResponse_ArrowRecordBatch{
			ArrowRecordBatch: &storagepb.ArrowRecordBatch{SerializedRecordBatch: batch},
		},
	}, nil
}
