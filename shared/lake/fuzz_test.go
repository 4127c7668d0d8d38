package lake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// sizeOf is where an add action says how long its file is.
var sizeOf = regexp.MustCompile(`"size":\d+`)

// FuzzEntry: what the decoder takes, it takes again from its own encoding, unchanged.
func FuzzEntry(f *testing.F) {
	for _, tc := range foreignCommits() {
		f.Add([]byte(tc.entry))
	}
	f.Add([]byte(`{"add":{"path":"p","stats":"{}"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := lake.DecodeEntry(data)
		if err != nil {
			return
		}
		twice, err := lake.DecodeEntry(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v: %q became %q", err, once, twice)
		}
	})
}

// FuzzCheckpoint: a damaged checkpoint is an error, never a panic.
func FuzzCheckpoint(f *testing.F) {
	good, err := os.ReadFile("testdata/foreign/plain-optimised/_delta_log/00000000000000000004.checkpoint.parquet")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), byte(0), uint32(0))
	f.Add(uint32(100), byte(7), uint32(50))
	f.Fuzz(func(_ *testing.T, at uint32, flip byte, drop uint32) {
		data := bytes.Clone(good[:len(good)-int(drop)%len(good)])
		data[int(at)%len(data)] ^= flip
		_, _ = lake.DecodeCheckpoint(bytes.NewReader(data), int64(len(data)))
	})
}

// FuzzRows: a damaged data file is an error or rows, never a panic, and no error says what is in it.
func FuzzRows(f *testing.F) {
	schema, err := lake.ParseSchema([]byte(plainSchema))
	if err != nil {
		f.Fatal(err)
	}
	objects := newMemory()
	table, err := lake.Open(f.Context(), objects, "plain", schema, lake.Config{})
	if err != nil {
		f.Fatal(err)
	}
	w := table.NewWriter(f.Context())
	for i := range int64(40) {
		if err := w.Append([]lake.Value{lake.Micros(i), lake.Text("secret"), lake.Integer(i), lake.Float(1), lake.Boolean(true), {}, {}}); err != nil {
			f.Fatal(err)
		}
	}
	files, err := w.Close()
	if err != nil {
		f.Fatal(err)
	}
	if _, err := table.Commit(f.Context(), files, lake.Txn{AppID: app, Version: 1}); err != nil {
		f.Fatal(err)
	}
	held, err := table.Tally(f.Context(), app, "at", time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	good, _ := objects.get(files[0].Path)
	f.Add(uint32(0), byte(0), uint32(0), byte(0))
	f.Add(uint32(100), byte(7), uint32(50), byte(255))
	f.Fuzz(func(t *testing.T, at uint32, flip byte, second uint32, flop byte) {
		data := bytes.Clone(good.bytes)
		data[int(at)%len(data)] ^= flip
		data[int(second)%len(data)] ^= flop
		_ = objects.put(files[0].Path, data, false)
		for _, err := range table.Rows(context.Background(), held, 0, "at", "s", "n", "f", "b") {
			if err != nil && (strings.Contains(err.Error(), "secret") || pix.KindOf(err) == pix.Unexpected) {
				t.Fatal(err)
			}
		}
	})
}

// FuzzTally: whatever a file's statistics say, the tally is counting or an error.
func FuzzTally(f *testing.F) {
	schema, err := lake.ParseSchema([]byte(plainSchema))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"numRecords":1,"minValues":{"at":"1970-01-01T00:00:00.000Z"},"maxValues":{"at":"1970-01-01T00:00:00.001Z"},"nullCount":{"at":0}}`)
	f.Add(`{"numRecords":-1,"minValues":{"at":5},"maxValues":[],"nullCount":{"at":0}}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, stats string) {
		objects := newMemory()
		table, err := lake.Open(t.Context(), objects, "plain", schema, lake.Config{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(stats)
		if err != nil {
			t.Fatal(err)
		}
		_ = objects.put(lake.EntryName(1), []byte(`{"add":{"path":"p","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"stats":`+string(text)+`}}`), true)
		held, err := table.Tally(t.Context(), app, "at", time.Unix(0, 0))
		if err != nil {
			return // the file is not there: its statistics did not bound the column
		}
		for start, n := range held.Rows {
			if n < 0 || start%3600 != 0 || start < 0 {
				t.Fatalf("%d rows at %d", n, start)
			}
		}
	})
}

// FuzzLocation: what is taken for a bucket has a name, and nothing is a panic.
func FuzzLocation(f *testing.F) {
	for _, place := range append(badPlaces(), "gs://bucket/a/b", "dir/lake", "gs://bucket") {
		f.Add(place)
	}
	f.Fuzz(func(t *testing.T, place string) {
		if strings.HasPrefix(place, "/") || !strings.HasPrefix(place, "gs:") && place != "" {
			return // a directory would be made
		}
		l, err := lake.OpenLocation(t.Context(), place, option.WithoutAuthentication())
		if err != nil {
			if pix.KindOf(err) != pix.Invalid {
				t.Fatalf("%q: %v", place, err)
			}
			return
		}
		if strings.ContainsAny(place, "?#@ ") || len(place) <= len("gs://") {
			t.Errorf("%q is a place", place)
		}
		_ = l.Close()
	})
}
