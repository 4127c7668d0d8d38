package lake_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

// discarding is a store that keeps the log and forgets the data, so that the figures are the writer's.
type discarding struct{ *memory }

func (d discarding) Writer(context.Context, string) (io.WriteCloser, error) { return nothing{}, nil }

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
func (nothing) Close() error                { return nil }

// shapes are rows as the warehouse has them: tokens, scores, a vector of 120 numbers, reasons.
func shapes(b *testing.B, table string) (lake.Schema, [][]lake.Value) {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("..", "warehouse", "schema", table+".json"))
	if err != nil {
		b.Fatal(err)
	}
	schema, err := lake.ParseSchema(text)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([][]lake.Value, 4096)
	for i := range rows {
		for _, f := range schema {
			rows[i] = append(rows[i], invented(rng, f, i))
		}
	}
	return schema, rows
}

func invented(rng *rand.Rand, f lake.Field, i int) lake.Value {
	if f.Mode == "REPEATED" {
		f.Mode = ""
		return lake.List(invented(rng, f, i), invented(rng, f, i), invented(rng, f, i))
	}
	switch f.Type {
	case lake.TypeInteger:
		return lake.Integer(rng.Int64N(1_000_000))
	case lake.TypeFloat:
		return lake.Float(rng.Float64())
	case lake.TypeBoolean:
		return lake.Boolean(rng.IntN(100) == 0)
	case lake.TypeTimestamp:
		return lake.Micros(1_790_000_000_000_000 + int64(i)*1000 + rng.Int64N(1000))
	case lake.TypeJSON:
		return lake.Text(vector(rng))
	case lake.TypeRecord:
		if f.Name == "previous_tokens" {
			return lake.Value{}
		}
		fields := make([]lake.Value, len(f.Fields))
		for k, nested := range f.Fields {
			fields[k] = invented(rng, nested, i)
		}
		return lake.Record(fields...)
	default:
		if strings.Contains(f.Name, "payer") || strings.Contains(f.Name, "payee") || f.Name == "end_to_end_id" {
			return lake.Text(fmt.Sprintf("account.1.%022x", rng.Uint64()))
		}
		return lake.Text(fmt.Sprintf("%s %d", f.Name, rng.IntN(8)))
	}
}

func vector(rng *rand.Rand) string {
	var b strings.Builder
	b.WriteByte('[')
	for k := range 120 {
		if k > 0 {
			b.WriteByte(',')
		}
		if rng.IntN(2) == 0 {
			fmt.Fprint(&b, rng.IntN(50))
		} else {
			fmt.Fprintf(&b, "%.4f", rng.Float64()*100)
		}
	}
	b.WriteByte(']')
	return b.String()
}

// BenchmarkAppend prints rows per second of one core and the heap's high water for the rows of each table.
func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"decisions", "labels"} {
		b.Run(name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			schema, rows := shapes(b, name)
			table, err := lake.Open(b.Context(), discarding{newMemory()}, name, schema, lake.Config{})
			if err != nil {
				b.Fatal(err)
			}
			w := table.NewWriter(b.Context())
			high, n := uint64(0), 0
			before := processor()
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Append(rows[n%len(rows)]); err != nil {
					b.Fatal(err)
				}
				if n++; n%2000 == 0 {
					high = max(high, heap())
				}
			}
			files, err := w.Close()
			if err != nil {
				b.Fatal(err)
			}
			if _, err := table.Commit(b.Context(), files, lake.Txn{AppID: app, Version: 1}); err != nil {
				b.Fatal(err)
			}
			size := int64(0)
			for _, f := range files {
				size += f.Size
			}
			b.ReportMetric(float64(n)/(processor()-before).Seconds(), "rows/cpu-s")
			b.ReportMetric(float64(size)/float64(n), "B/row")
			b.ReportMetric(float64(high)/(1<<20), "heap-MiB")
		})
	}
}

// processor is the processor time that this process has used, so that neighbours do not change the figure.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap is what the process has from the system for its heap and uses, garbage included.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// BenchmarkSnapshot prints how much longer the newest version takes to read after 10,000 commits than after 100.
func BenchmarkSnapshot(b *testing.B) {
	young, _ := aged(b, 100)
	old, _ := aged(b, 10_000)
	var took [2]time.Duration
	for b.Loop() {
		for i, table := range []*lake.Table{young, old} {
			took[i] += snapshots(b, table, 20)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
	b.ReportMetric(float64(took[1].Microseconds())/float64(20*b.N), "µs/read")
}

// snapshots returns the processor time of reading the newest version so often.
func snapshots(tb testing.TB, table *lake.Table, n int) time.Duration {
	tb.Helper()
	start := processor()
	for range n {
		if _, _, err := table.LastTxn(tb.Context(), app); err != nil {
			tb.Fatal(err)
		}
	}
	return processor() - start
}

// aged returns a table of so many commits of one file each, and its storage.
func aged(tb testing.TB, commits int64) (*lake.Table, *memory) {
	tb.Helper()
	schema, err := lake.ParseSchema([]byte(smallSchema))
	if err != nil {
		tb.Fatal(err)
	}
	objects := newMemory()
	table, err := lake.Open(tb.Context(), objects, "aged", schema, lake.Config{CheckpointEvery: 100})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range commits {
		files, err := writeSlice(tb.Context(), table, i, i+1)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := table.Commit(tb.Context(), files, lake.Txn{AppID: app, From: i, Version: i + 1}); err != nil {
			tb.Fatal(err)
		}
		if _, err := table.Tend(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	return table, objects
}
