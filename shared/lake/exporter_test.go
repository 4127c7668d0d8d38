package lake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

const smallSchema = `[{"name":"id","type":"INTEGER","mode":"REQUIRED"},{"name":"s","type":"STRING"}]`

// slices that an exporter of these tests moves the table to; each has rowsPerSlice rows, numbered through.
const (
	sliceCount   = 5
	rowsPerSlice = 3
	app          = "export"
)

func openSmall(ctx context.Context, objects lake.Objects) (*lake.Table, error) {
	schema, err := lake.ParseSchema([]byte(smallSchema))
	if err != nil {
		return nil, err
	}
	return lake.Open(ctx, objects, "small", schema, lake.Config{CheckpointEvery: 2})
}

func writeSlice(ctx context.Context, table *lake.Table, from, to int64) ([]lake.File, error) {
	w := table.NewWriter(ctx)
	for id := from * rowsPerSlice; id < to*rowsPerSlice; id++ {
		if err := w.Append([]lake.Value{lake.Integer(id), lake.Text(fmt.Sprint("row ", id))}); err != nil {
			return nil, err
		}
	}
	return w.Close()
}

// export is an exporter as it should be: it goes on where the log ends, until the last slice.
func export(ctx context.Context, objects lake.Objects) (commits int, err error) {
	return exportTo(ctx, objects, sliceCount)
}

func exportTo(ctx context.Context, objects lake.Objects, end int64) (commits int, err error) {
	table, err := openSmall(ctx, objects)
	if err != nil {
		return 0, err
	}
	for {
		last, _, err := table.LastTxn(ctx, app)
		if err != nil || last >= end {
			return commits, err
		}
		files, err := writeSlice(ctx, table, last, last+1)
		if err != nil {
			return commits, err
		}
		result, err := table.Commit(ctx, files, lake.Txn{AppID: app, From: last, Version: last + 1})
		switch {
		case errors.Is(err, lake.ErrMoved):
			continue
		case err != nil:
			return commits, err
		case !result.Already:
			commits++
		}
		if _, err := table.Tend(ctx); err != nil {
			return commits, err
		}
	}
}

// readIDs returns the ids of a table's rows, sorted.
func readIDs(t *testing.T, objects lake.Objects) []int64 {
	t.Helper()
	table, err := openSmall(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	paths, _, err := table.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := []int64{}
	for _, path := range paths {
		data, err := objects.Read(t.Context(), path, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		reader := parquet.NewGenericReader[struct {
			ID int64 `parquet:"id"`
		}](bytes.NewReader(data))
		rows := make([]struct {
			ID int64 `parquet:"id"`
		}, reader.NumRows())
		if n, err := reader.Read(rows); n != len(rows) || err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %d rows of %d: %v", path, n, len(rows), err)
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// wantWhole checks that every row of every slice is there once.
func wantWhole(t *testing.T, objects lake.Objects, when string) {
	t.Helper()
	ids := readIDs(t, objects)
	want := make([]int64, sliceCount*rowsPerSlice)
	for i := range want {
		want[i] = int64(i)
	}
	if !slices.Equal(ids, want) {
		t.Fatalf("%s: the table has rows %v, want each of %d once", when, ids, len(want))
	}
}
