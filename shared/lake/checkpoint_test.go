package lake_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

func has(objects *memory, name string) bool {
	_, err := objects.get(name)
	return err == nil
}

// commits moves an application by n empty commits.
func commits(t *testing.T, table *lake.Table, appID string, n int64) {
	t.Helper()
	from, _, err := table.LastTxn(t.Context(), appID)
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < from+n; i++ {
		if _, err := table.Commit(t.Context(), nil, lake.Txn{AppID: appID, From: i, Version: i + 1}); err != nil {
			t.Fatal(err)
		}
	}
}

// withFiles returns a table with some files and no checkpoint after the commit that asks for one.
func withFiles(t *testing.T, objects lake.Objects) *lake.Table {
	t.Helper()
	table, err := openSmall(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(2) {
		files, err := writeSlice(t.Context(), table, i, i+1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Commit(t.Context(), files, lake.Txn{AppID: app, From: i, Version: i + 1}); err != nil {
			t.Fatal(err)
		}
	}
	return table
}

// TestBadCheckpointIsNeverNamed: what does not decode to the table's state is not uploaded, and the table goes on.
func TestBadCheckpointIsNeverNamed(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"loses a file", "loses the transactions", "changes a size", "stops in the middle", "writes nothing"} {
		objects := newMemory()
		table := withFiles(t, objects)
		table.BreakEncoder(how)
		if done, err := table.Tend(t.Context()); err == nil || done.Checkpoint || !strings.Contains(err.Error(), "nothing was uploaded") {
			t.Errorf("%s: %+v, %v", how, done, err)
		}
		if has(objects, lake.CheckpointName(2)) || has(objects, lake.LastCheckpoint) {
			t.Errorf("%s: a bad checkpoint was uploaded", how)
		}
		if _, err := export(t.Context(), objects); err != nil {
			t.Errorf("%s: the next exporter: %v", how, err)
		}
		wantWhole(t, objects, how)
	}
}

// TestDamagedUploadIsNeverNamed: storage that keeps something else than it was given.
func TestDamagedUploadIsNeverNamed(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func([]byte) []byte{
		"cut":    func(b []byte) []byte { return b[:len(b)-20] },
		"zeroed": func(b []byte) []byte { return append(make([]byte, 200), b[200:]...) },
		"empty":  func([]byte) []byte { return nil },
	} {
		objects := newMemory()
		damaging := false
		store := &under{objects, func(op, object string, do func() error) error {
			err := do()
			if damaging && op == "create" && strings.HasSuffix(object, ".parquet") {
				o, _ := objects.get(object)
				return objects.put(object, damage(o.bytes), false)
			}
			return err
		}}
		table := withFiles(t, store)
		damaging = true
		if _, err := table.Tend(t.Context()); err == nil || !strings.Contains(err.Error(), "was removed") {
			t.Errorf("%s: %v", name, err)
		}
		if has(objects, lake.CheckpointName(2)) || has(objects, lake.LastCheckpoint) {
			t.Errorf("%s: a damaged checkpoint was left", name)
		}
		if _, err := export(t.Context(), objects); err != nil {
			t.Errorf("%s: the next exporter: %v", name, err)
		}
		wantWhole(t, objects, name)
	}
}

// TestDamagedLogIsSaidOrHealed: a checkpoint or a hint that is no good costs time; a missing entry is refused.
func TestDamagedLogIsSaidOrHealed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		damage func(m *memory)
		want   string // "" if the table is read all the same
	}{
		"hint is garbage":       {func(m *memory) { _ = m.put(lake.LastCheckpoint, []byte("{"), false) }, ""},
		"hint is ahead":         {func(m *memory) { _ = m.put(lake.LastCheckpoint, []byte(`{"version":99}`), false) }, ""},
		"checkpoint is garbage": {func(m *memory) { _ = m.put(lake.CheckpointName(4), []byte("PAR1 no"), false) }, ""},
		"checkpoint is gone":    {func(m *memory) { m.drop(lake.CheckpointName(4)) }, ""},
		"entry is gone":         {func(m *memory) { m.drop(lake.EntryName(5)) }, ""},
		"a hole": {func(m *memory) {
			for _, c := range []int64{2, 4} {
				m.drop(lake.CheckpointName(c))
			}
			m.drop(lake.EntryName(1))
		}, "entry 1 is missing"},
	} {
		objects := newMemory()
		if _, err := export(t.Context(), objects); err != nil {
			t.Fatal(err)
		}
		tc.damage(objects)
		table, err := openSmall(t.Context(), objects)
		if name == "entry is gone" { // the log ends before it: the slice is exported again by whoever comes
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if tc.want != "" {
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, want %q", name, err, tc.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if last, ok, err := table.LastTxn(t.Context(), app); last != sliceCount || !ok || err != nil {
			t.Errorf("%s: last transaction %d, %t, %v", name, last, ok, err)
		}
		wantWhole(t, objects, name)
	}
}

func (m *memory) drop(name string) {
	o, _ := m.get(name)
	_ = m.Delete(context.Background(), lake.Object{Name: name, Generation: o.generation})
}

// TestLogIsCutAndOrphansSwept: what is old goes, what is needed stays, and the table is what it was.
func TestLogIsCutAndOrphansSwept(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := start
	objects.now = func() time.Time { return clock }
	schema, err := lake.ParseSchema([]byte(smallSchema))
	if err != nil {
		t.Fatal(err)
	}
	table, err := lake.Open(t.Context(), objects, "small", schema, lake.Config{CheckpointEvery: 2, Now: objects.now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writeSlice(t.Context(), table, 90, 91); err != nil { // never committed
		t.Fatal(err)
	}
	_ = objects.put("part-of-somebody-else.csv", []byte("x"), true)
	_ = objects.put("notes.txt", []byte("x"), true)
	removed, orphans := 0, 0
	for day := range int64(45) {
		clock = start.Add(time.Duration(day) * 24 * time.Hour)
		files, err := writeSlice(t.Context(), table, day, day+1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Commit(t.Context(), files, lake.Txn{AppID: app, From: day, Version: day + 1}); err != nil {
			t.Fatal(err)
		}
		done, err := table.Tend(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		removed, orphans = removed+done.Log, orphans+done.Orphans
		if day < 5 && orphans > 0 || day < 28 && removed > 0 {
			t.Fatalf("day %d: %d orphans and %d of the log removed, too early", day, orphans, removed)
		}
	}
	if orphans != 2 || removed == 0 {
		t.Errorf("%d orphans and %d of the log removed", orphans, removed)
	}
	if has(objects, lake.EntryName(0)) || !has(objects, lake.EntryName(44)) || !has(objects, "notes.txt") {
		t.Error("the wrong things were removed")
	}
	if ids := readIDs(t, objects); len(ids) != 45*rowsPerSlice {
		t.Errorf("%d rows, want %d", len(ids), 45*rowsPerSlice)
	}
	// Versions of the last 30 days must be readable: each entry that is left has a checkpoint at or before its version.
	first := int64(-1)
	for v := range int64(46) {
		if has(objects, lake.EntryName(v)) && first < 0 {
			first = v
		}
	}
	if !has(objects, lake.CheckpointName(first)) {
		t.Errorf("the oldest entry left is %d and has no checkpoint under it", first)
	}
}

// TestFileOnceNamedIsNoOrphan: a file that somebody's compaction removed is left to whoever vacuums, however old.
func TestFileOnceNamedIsNoOrphan(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	objects.now = func() time.Time { return clock }
	schema, err := lake.ParseSchema([]byte(smallSchema))
	if err != nil {
		t.Fatal(err)
	}
	table, err := lake.Open(t.Context(), objects, "small", schema, lake.Config{CheckpointEvery: 2, Now: objects.now})
	if err != nil {
		t.Fatal(err)
	}
	files, err := writeSlice(t.Context(), table, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Commit(t.Context(), files, lake.Txn{AppID: app, Version: 1}); err != nil {
		t.Fatal(err)
	}
	_ = objects.put(lake.EntryName(2), fmt.Appendf(nil, `{"remove":{"path":%q,"dataChange":false,"deletionTimestamp":1}}`, files[0].Path), true)
	clock = clock.Add(20 * 24 * time.Hour)
	for range 3 {
		commits(t, table, "more", 2)
		if done, err := table.Tend(t.Context()); err != nil || done.Orphans != 0 {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	if !has(objects, files[0].Path) {
		t.Error("a file that the log names was removed")
	}
}

// TestOldFilesAreNotCommitted: else the sweep could take a file that is about to be named.
func TestOldFilesAreNotCommitted(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	schema, err := lake.ParseSchema([]byte(smallSchema))
	if err != nil {
		t.Fatal(err)
	}
	table, err := lake.Open(t.Context(), objects, "small", schema, lake.Config{Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	files, err := writeSlice(t.Context(), table, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(lake.LongestCommit + time.Second)
	if _, err := table.Commit(t.Context(), files, lake.Txn{AppID: app, Version: 1}); err == nil {
		t.Error("a file as old as the sweep takes was committed")
	}
}

// TestHeadsAreReadAlone: a commit fetches of a checkpoint what it needs, not the files it names.
func TestHeadsAreReadAlone(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	table := withFiles(t, objects)
	adds := bytes.Buffer{}
	for i := range 20_000 {
		fmt.Fprintf(&adds, `{"add":{"path":"%s/%d","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":%d}"}}`+"\n",
			fmt.Sprintf("%x", i*7919), i, i)
	}
	_ = objects.put(lake.EntryName(3), adds.Bytes(), true)
	if _, err := table.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, _ := objects.get(lake.CheckpointName(3))
	read := int64(0)
	store := &counting{memory: objects, read: &read}
	table, err := openSmall(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	if version, checkpoint, err := table.LoadVersion(t.Context()); version != 3 || checkpoint != 3 || err != nil {
		t.Fatal(version, checkpoint, err)
	}
	if size := int64(len(whole.bytes)); read > size {
		t.Errorf("two loads have fetched %d bytes of a checkpoint of %d", read, size)
	}
}

// counting counts what is fetched.
type counting struct {
	*memory
	read *int64
}

func (c *counting) Read(ctx context.Context, name string, off, n int64) ([]byte, error) {
	data, err := c.memory.Read(ctx, name, off, n)
	*c.read += int64(len(data))
	return data, err
}
