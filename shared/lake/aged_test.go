package lake_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

// raced is how many slices the exporters race for at the end of the aged table.
const raced = 6

// TestAgedTable goes on with a table of many commits: somebody else commits in between, four exporters race, one comes again
// after a checkpoint. scripts/conformance/delta.sh names a directory in LAKE_AGED: there are 10,000 commits then, the table is
// written to it with what readers must find, and the time of reading the newest version is printed.
func TestAgedTable(t *testing.T) {
	t.Parallel()
	out, commits := os.Getenv("LAKE_AGED"), int64(10_000)
	if out == "" {
		commits = 110
	}
	old, objects := aged(t, commits)
	if out != "" {
		young, _ := aged(t, 100)
		printSnapshots(t, young, old, commits)
	}
	foreign := `{"commitInfo":{"operation":"OPTIMIZE"}}` + "\n" + `{"txn":{"appId":"other","version":7}}`
	if err := objects.put(lake.EntryName(commits+1), []byte(foreign), true); err != nil {
		t.Fatal(err)
	}
	var told atomic.Int64
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			n, err := exportTo(t.Context(), objects, commits+raced)
			if err != nil {
				t.Error(err)
			}
			told.Add(int64(n))
		})
	}
	work.Wait()
	if again, err := exportTo(t.Context(), objects, commits+raced); err != nil || again != 0 || told.Load() != raced {
		t.Errorf("%d commits were told for %d slices, %d when the exporter came again (%v)", told.Load(), raced, again, err)
	}
	ids, version := readIDs(t, objects), commits+1+raced
	for i, id := range ids {
		if id != int64(i) {
			t.Fatalf("row %d has the id %d", i, id)
		}
	}
	if got, _, err := old.LoadVersion(t.Context()); err != nil || got != version || int64(len(ids)) != (commits+raced)*rowsPerSlice {
		t.Fatalf("version %d of %d rows, want %d (%v)", got, len(ids), version, err)
	}
	if out == "" {
		return
	}
	dump(t, objects, filepath.Join(out, "aged"))
	text, err := json.Marshal(map[string]any{"rows": len(ids), "version": version, "txn": commits + raced})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "aged.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// printSnapshots prints the least of five measurements of each.
func printSnapshots(t *testing.T, young, old *lake.Table, commits int64) {
	t.Helper()
	const reads = 50
	least := [2]time.Duration{time.Hour, time.Hour}
	for range 5 {
		for i, table := range []*lake.Table{young, old} {
			least[i] = min(least[i], snapshots(t, table, reads))
		}
	}
	fmt.Printf("snapshot read: %d µs after 100 commits, %d µs after %d, ratio %.2f\n",
		least[0].Microseconds()/reads, least[1].Microseconds()/reads, commits, float64(least[1])/float64(least[0]))
}

// dump writes what is in memory to a directory, for other readers.
func dump(t *testing.T, objects *memory, root string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(root, "_delta_log"), 0o755); err != nil {
		t.Fatal(err)
	}
	for o, err := range objects.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := objects.get(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, strings.TrimPrefix(o.Name, "/")), data.bytes, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
