package warehouse_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"google.golang.org/grpc"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// readServer is a Storage Read API that sends the same batch again and again.
type readServer struct {
	storagepb.UnimplementedBigQueryReadServer
	schema, batch []byte
	rows, batches int
}

func (s *readServer) CreateReadSession(context.Context, *storagepb.CreateReadSessionRequest) (*storagepb.ReadSession, error) {
	return &storagepb.ReadSession{
		Streams: []*storagepb.ReadStream{{Name: "s"}},
		Schema:  &storagepb.ReadSession_ArrowSchema{ArrowSchema: &storagepb.ArrowSchema{SerializedSchema: s.schema}},
	}, nil
}

func (s *readServer) ReadRows(_ *storagepb.ReadRowsRequest, down storagepb.BigQueryRead_ReadRowsServer) error {
	for range s.batches {
		if err := down.Send(&storagepb.ReadRowsResponse{RowCount: int64(s.rows), Rows: &storagepb.ReadRowsResponse_ArrowRecordBatch{
			ArrowRecordBatch: &storagepb.ArrowRecordBatch{SerializedRecordBatch: s.batch},
		}}); err != nil {
			return err
		}
	}
	return nil
}

func arrowField(f lake.Field) arrow.Field {
	kinds := map[lake.Type]arrow.DataType{
		lake.TypeString: arrow.BinaryTypes.String, lake.TypeJSON: arrow.BinaryTypes.String, lake.TypeInteger: arrow.PrimitiveTypes.Int64,
		lake.TypeFloat: arrow.PrimitiveTypes.Float64, lake.TypeBoolean: arrow.FixedWidthTypes.Boolean, lake.TypeTimestamp: arrow.FixedWidthTypes.Timestamp_us,
	}
	kind := kinds[f.Type]
	if f.Type == lake.TypeRecord {
		var fields []arrow.Field
		for _, nested := range f.Fields {
			fields = append(fields, arrowField(nested))
		}
		kind = arrow.StructOf(fields...)
	}
	if f.Mode == "REPEATED" {
		kind = arrow.ListOf(kind)
	}
	return arrow.Field{Name: f.Name, Type: kind, Nullable: true}
}

// fillColumn appends a value as a decision has it: vectors of 120 numbers, facts of 900 bytes, few lists.
func fillColumn(b array.Builder, f lake.Field, r *rand.Rand) {
	switch b := b.(type) {
	case *array.ListBuilder:
		b.Append(true)
	case *array.StructBuilder:
		b.AppendNull()
	case *array.StringBuilder:
		switch f.Name {
		case "vector":
			text := []byte{'['}
			for range 120 {
				text = fmt.Appendf(text, "%.4g,", r.Float64()*1000)
			}
			b.Append(string(text[:len(text)-1]) + "]")
		case "facts":
			b.Append(fmt.Sprintf(`{"n":%d,"filler":"%s"}`, r.Uint64(), bytes.Repeat([]byte("fact:1,"), 120)))
		case "outcome", "direction", "feature_set", "policy_version", "model_version", "source", "typology", "initiation":
			b.Append("APPROVE")
		default:
			b.Append(fmt.Sprintf("acct.1.%022d", r.Uint64()))
		}
	case *array.Int64Builder:
		b.Append(r.Int64N(1e6))
	case *array.Float64Builder:
		b.Append(r.Float64())
	case *array.BooleanBuilder:
		b.Append(r.IntN(2) == 0)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(1_790_000_000_000_000 + r.Int64N(3_600_000_000)))
	}
}

func newReadServer(b *testing.B, table string, rows, batches int) *readServer {
	b.Helper()
	columns, err := warehouse.LakeSchema(table)
	if err != nil {
		b.Fatal(err)
	}
	var fields []arrow.Field
	for _, f := range columns {
		fields = append(fields, arrowField(f))
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	r := rand.New(rand.NewPCG(1, 2))
	for range rows {
		for i, f := range columns {
			fillColumn(builder.Field(i), f, r)
		}
	}
	record := builder.NewRecord()
	var all, head bytes.Buffer
	empty := ipc.NewWriter(&head, ipc.WithSchema(record.Schema()))
	_ = empty.Close() // writes the schema and the end
	w := ipc.NewWriter(&all, ipc.WithSchema(record.Schema()))
	if err := w.Write(record); err != nil {
		b.Fatal(err)
	}
	_ = w.Close()
	schema := head.Bytes()[:head.Len()-8]
	return &readServer{schema: schema, batch: all.Bytes()[len(schema) : all.Len()-8], rows: rows, batches: batches}
}

// BenchmarkExtract reads a slice from a Storage Read API in this process and writes it as Parquet files: rows per second of
// this process's CPU time, the server's part included, and the most memory held.
func BenchmarkExtract(b *testing.B) {
	for _, table := range []string{"decisions", "labels"} {
		b.Run(table, func(b *testing.B) {
			const rows, batches = 500, 200
			server := grpc.NewServer()
			storagepb.RegisterBigQueryReadServer(server, newReadServer(b, table, rows, batches))
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			go func() { _ = server.Serve(listener) }()
			defer server.Stop()
			extract, err := warehouse.OpenExtract(b.Context(), warehouse.Config{ProjectID: "p", Dataset: "fraud"},
				emulator.REST("http://127.0.0.1:1"), emulator.GRPC(listener.Addr().String()))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = extract.Close() }()
			columns, _ := warehouse.LakeSchema(table)
			objects, err := lake.NewDirectory(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			t, err := lake.Open(b.Context(), objects, table, columns, lake.Config{})
			if err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			began := cpu()
			var peak uint64
			for b.Loop() {
				w, n := t.NewWriter(b.Context()), 0
				for row, err := range extract.Rows(b.Context(), table, warehouse.Slice{}) {
					if err != nil {
						b.Fatal(err)
					}
					if err := w.Append(row); err != nil {
						b.Fatal(err)
					}
					if n++; n%5000 == 0 {
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.Sys-m.HeapReleased)
					}
				}
				if _, err := w.Close(); err != nil || n != rows*batches {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.N*rows*batches)/(cpu()-began).Seconds(), "rows/cpu-s")
			b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
