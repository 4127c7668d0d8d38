package lake_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestRacingExportersCommitOnce: of all that export the same slices one commits each.
func TestRacingExportersCommitOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 8} {
		for range 10 {
			objects := newMemory()
			var commits atomic.Int64
			var work sync.WaitGroup
			for range n {
				work.Go(func() {
					done, err := export(t.Context(), objects)
					if err != nil {
						t.Errorf("%d exporters: %v", n, err)
					}
					commits.Add(int64(done))
				})
			}
			work.Wait()
			if commits.Load() != sliceCount {
				t.Errorf("%d exporters: %d commits told for %d slices", n, commits.Load(), sliceCount)
			}
			wantWhole(t, objects, fmt.Sprint(n, " exporters"))
		}
	}
}

// TestOverlappingSlices: a slice that began where the log no longer ends is abandoned, whichever of the two is longer.
func TestOverlappingSlices(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		first, second lake.Txn
		want          error // of the second
	}{
		{lake.Txn{AppID: app, Version: 5}, lake.Txn{AppID: app, Version: 5}, nil},
		{lake.Txn{AppID: app, Version: 5}, lake.Txn{AppID: app, Version: 3}, nil},
		{lake.Txn{AppID: app, Version: 3}, lake.Txn{AppID: app, Version: 5}, lake.ErrMoved},
		{lake.Txn{AppID: app, Version: 3}, lake.Txn{AppID: app, From: 2, Version: 5}, lake.ErrMoved},
	} {
		table, err := openSmall(t.Context(), newMemory())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Commit(t.Context(), nil, tc.first); err != nil {
			t.Fatal(err)
		}
		result, err := table.Commit(t.Context(), nil, tc.second)
		if !errors.Is(err, tc.want) || tc.want == nil && (err != nil || !result.Already) {
			t.Errorf("%+v after %+v: %+v, %v; want %v", tc.second, tc.first, result, err, tc.want)
		}
	}
}

// foreignCommits are what somebody else may commit while we are about to, and whether we may go on.
func foreignCommits() map[string]struct{ entry, refusal string } {
	return map[string]struct{ entry, refusal string }{
		"provenance alone": {`{"commitInfo":{"operation":"OPTIMIZE","operationParameters":{"auto":true}}}`, ""},
		"compaction": {`{"remove":{"path":"part-x","dataChange":false,"deletionTimestamp":9999999999999}}
{"add":{"path":"compacted","partitionValues":{},"size":1,"modificationTime":1,"dataChange":false,"tags":{"k":"v"}}}`, ""},
		"another application": {`{"txn":{"appId":"other","version":7}}`, ""},
		"an unknown action":   {`{"someday":{"a":1}}`, ""},
		"protocol raised":     {`{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors","appendOnly"]}}`, "deletionVectors"},
		"writer raised":       {`{"protocol":{"minReaderVersion":1,"minWriterVersion":4}}`, "writer version 4"},
		"no longer append-only": {`{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[],"configuration":{}}}`,
			"under maintenance"},
		"forgets transactions": {`{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[],"configuration":{"delta.appendOnly":"true","delta.setTransactionRetentionDuration":"interval 1 day"}}}`,
			"remember what was exported"},
		"partitioned": {`{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":["s"],"configuration":{"delta.appendOnly":"true"}}}`,
			"partitioned by [s]"},
		"another column": {`{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":false,\"metadata\":{}},{\"name\":\"s\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},{\"name\":\"theirs\",\"type\":\"date\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{"delta.appendOnly":"true"}}}`,
			"column theirs"},
		"another type": {`{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"integer\",\"nullable\":false,\"metadata\":{}}]}","partitionColumns":[],"configuration":{"delta.appendOnly":"true"}}}`,
			"column id is integer in the table and long"},
		"an invariant": {`{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":false,\"metadata\":{\"delta.invariants\":\"{}\"}},{\"name\":\"s\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{"delta.appendOnly":"true"}}}`,
			"delta.invariants"},
		"garbage": {"{", "line 1 is no action"},
	}
}

// TestForeignCommitInBetween: what somebody else commits between our reading and our writing is read and judged.
func TestForeignCommitInBetween(t *testing.T) {
	t.Parallel()
	for name, tc := range foreignCommits() {
		objects := newMemory()
		met := false
		store := &under{objects, func(op, name string, do func() error) error {
			if op == "create" && name == lake.EntryName(1) && !met {
				met = true
				if err := objects.put(name, []byte(tc.entry+"\n"), true); err != nil {
					return err
				}
			}
			return do()
		}}
		table, err := openSmall(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		files, err := writeSlice(t.Context(), table, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		result, err := table.Commit(t.Context(), files, lake.Txn{AppID: app, Version: 1})
		switch {
		case tc.refusal == "" && (err != nil || result.Version != 2 || result.Already):
			t.Errorf("%s: %+v, %v; want version 2", name, result, err)
		case tc.refusal != "" && (err == nil || !strings.Contains(err.Error(), tc.refusal) || pix.KindOf(err) != pix.Invalid):
			t.Errorf("%s: %v (%v), want a refusal that says %q", name, err, pix.KindOf(err), tc.refusal)
		}
		if _, err := objects.get(lake.EntryName(2)); (err == nil) != (tc.refusal == "") {
			t.Errorf("%s: entry 2: %v", name, err)
		}
	}
}

// TestCompactionSurvivesACheckpoint: what somebody else added and removed, tags and all, is in our next checkpoint.
func TestCompactionSurvivesACheckpoint(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	if _, err := export(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	table, err := openSmall(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	before, version, err := table.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entry := fmt.Sprintf(`{"remove":{"path":%q,"dataChange":false,"deletionTimestamp":99999999999999,"size":3,"partitionValues":{}}}
{"remove":{"path":%q,"dataChange":false,"deletionTimestamp":99999999999999}}
{"add":{"path":"compacted","partitionValues":{},"size":1,"modificationTime":1,"dataChange":false,"tags":{"k":"v"}}}`, before[0], before[1])
	if err := objects.put(lake.EntryName(version+1), []byte(entry), true); err != nil {
		t.Fatal(err)
	}
	for i := range int64(4) {
		if _, err := table.Commit(t.Context(), nil, lake.Txn{AppID: "more", From: i, Version: i + 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	after, _, err := table.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join(append(before[2:], "compacted"), " ")
	if got := strings.Join(after, " "); got != want {
		t.Errorf("files %s, want %s", got, want)
	}
	last, err := objects.Read(t.Context(), lake.LastCheckpoint, 0, -1)
	if err != nil || bytes.Contains(last, fmt.Appendf(nil, `"version":%d,`, version)) {
		t.Errorf("_last_checkpoint %s did not move (%v)", last, err)
	}
}

// TestMaintenanceAndBack: an erasure lifts the append-only property, removes data and sets it again. Meanwhile nothing is
// written; afterwards the exporter goes on where it was, and what was erased stays away.
func TestMaintenanceAndBack(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	table := withFiles(t, objects)
	first, err := objects.get(lake.EntryName(0))
	if err != nil {
		t.Fatal(err)
	}
	meta := first.bytes[bytes.Index(first.bytes, []byte(`{"metaData"`)):]
	lifted := bytes.Replace(meta, []byte(`"delta.appendOnly":"true"`), []byte(`"delta.appendOnly":"false"`), 1)
	erased, _, err := table.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	remove := fmt.Appendf(nil, `{"remove":{"path":%q,"dataChange":true,"deletionTimestamp":99999999999999}}`, erased[0])
	for i, entry := range [][]byte{lifted, remove} {
		if err := objects.put(lake.EntryName(int64(3+i)), entry, true); err != nil {
			t.Fatal(err)
		}
		if _, err := export(t.Context(), objects); err == nil || !strings.Contains(err.Error(), "under maintenance") {
			t.Errorf("entry %d: %v, want a refusal", 3+i, err)
		}
	}
	if err := objects.put(lake.EntryName(5), meta, true); err != nil {
		t.Fatal(err)
	}
	if _, err := export(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	if ids := readIDs(t, objects); len(ids) != (sliceCount-1)*rowsPerSlice || ids[0] != rowsPerSlice {
		t.Errorf("rows %v, want all but the first slice's", ids)
	}
}
