package warehouse_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

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
	r := rand.New(rand.NewPCG(1, 2))
	schema, batch := arrowBatch(b, columns, rows, func(b array.Builder, f lake.Field) { fillColumn(b, f, r) })
	return &readServer{schema: schema, streams: [][][]byte{slices.Repeat([][]byte{batch}, batches)}}
}

// BenchmarkExtract reads a slice from a Storage Read API in this process and writes it as Parquet files: rows per second of
// this process's CPU time, the server's part included, and the most memory held.
func BenchmarkExtract(b *testing.B) {
	for _, table := range []string{"decisions", "labels"} {
		b.Run(table, func(b *testing.B) {
			const rows, batches = 500, 200
			extract := openExtract(b, newReadServer(b, table, rows, batches))
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
