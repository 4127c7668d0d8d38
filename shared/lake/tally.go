package lake

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TallyBucket is the length of time that Tally counts by.
const TallyBucket = time.Hour

// Tally is what a table holds of the recent past: one reading of the log.
type Tally struct {
	Txn   int64           // what LastTxn would say; 0 if the application never committed
	Rows  map[int64]int64 // by the start of the hour in seconds since 1970
	files []tallied
}

// tallied is a data file with the bounds of the column.
type tallied struct {
	path      string
	size      int64
	low, high int64 // microseconds, rounded outwards; high below low if the log does not say
	rows      int64
}

// Tally counts a table's rows by the hour of a TIMESTAMP column, from the hour of a moment on. The log's statistics say it
// of a file that lies within an hour, as those do that are written hour by hour; others are read, that column alone.
func (t *Table) Tally(ctx context.Context, appID, column string, since time.Time) (*Tally, error) {
	s, err := t.load(ctx)
	if err != nil {
		return nil, err
	}
	out := &Tally{Txn: s.txns[appID].Version, Rows: map[int64]int64{}}
	from := hour(since.UnixMicro())
	for a, err := range t.files(ctx, s) {
		if err != nil {
			return nil, pix.E(pix.KindOf(err), "tally "+t.name, err)
		}
		if a.Add == nil {
			continue
		}
		f := bounded(a.Add, column)
		if f.known() && f.high < from*1e6 {
			continue
		}
		out.files = append(out.files, f)
		if f.known() && hour(f.low) == hour(f.high) { // a maximum that was rounded up to the next hour costs a reading
			if at := hour(f.low); at >= from {
				out.Rows[at] += f.rows
			}
			continue
		}
		for row, err := range t.readColumns(ctx, f, column) {
			if err != nil {
				return nil, pix.E(pix.KindOf(err), "tally "+t.name, err)
			}
			if at := hour(int64(row[0].bits)); !row[0].Null() && at >= from {
				out.Rows[at]++
			}
		}
	}
	return out, nil
}

// Rows yields some columns of the rows that the tally counted in an hour, in no order. The first of the columns must be the
// one that was counted by, the others neither records nor lists.
func (t *Table) Rows(ctx context.Context, of *Tally, start int64, columns ...string) iter.Seq2[[]Value, error] {
	return func(yield func([]Value, error) bool) {
		low, high := start*1e6, (start+int64(TallyBucket/time.Second))*1e6
		for _, f := range of.files {
			if f.known() && (f.high < low || f.low >= high) {
				continue
			}
			for row, err := range t.readColumns(ctx, f, columns...) {
				if err != nil {
					yield(nil, pix.E(pix.KindOf(err), "read rows of "+t.name, err))
					return
				}
				if at := int64(row[0].bits); !row[0].Null() && at >= low && at < high && !yield(row, nil) {
					return
				}
			}
		}
	}
}

func hour(micros int64) int64 {
	seconds, bucket := time.UnixMicro(micros).Unix(), int64(TallyBucket/time.Second)
	return seconds - ((seconds%bucket)+bucket)%bucket
}

func (f tallied) known() bool { return f.low <= f.high }

// bounded reads the statistics of a file. Where they do not bound the column the file must be read.
func bounded(a *addFile, column string) tallied {
	f := tallied{path: a.Path, size: a.Size, low: 1, high: 0}
	var stats struct {
		NumRecords *int64                     `json:"numRecords"`
		Min        map[string]json.RawMessage `json:"minValues"`
		Max        map[string]json.RawMessage `json:"maxValues"`
		Nulls      map[string]json.RawMessage `json:"nullCount"`
	}
	if a.Stats == nil || json.Unmarshal([]byte(*a.Stats), &stats) != nil || stats.NumRecords == nil {
		return f
	}
	var low, high time.Time
	var nulls int64
	if json.Unmarshal(stats.Min[column], &low) != nil || json.Unmarshal(stats.Max[column], &high) != nil ||
		json.Unmarshal(stats.Nulls[column], &nulls) != nil || nulls > 0 {
		return f
	}
	f.low, f.high, f.rows = low.UnixMicro(), high.UnixMicro(), *stats.NumRecords
	return f
}

// errColumn says that a data file lacks a column or has it in another form.
func errColumn(path, column string) error {
	return pix.E(pix.Invalid, "read "+path, fmt.Errorf("column %s is not there or of another form", column))
}
