package pixtest_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// TestReadersSeeEveryAcknowledgedCell reads a row again and again while cells are added to its front: a read shows every
// cell whose write was acknowledged before the read began.
func TestReadersSeeEveryAcknowledgedCell(t *testing.T) {
	t.Parallel()
	c, err := pixtest.Start(t.Context(), pixtest.Options{Bigtable: true, KeepCells: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	table := openTable(t, c)
	const cells = 800
	var acknowledged atomic.Int64
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for acknowledged.Load() < cells && !t.Failed() {
				before := acknowledged.Load()
				row, err := table.ReadRow(t.Context(), "row")
				if got := int64(len(row["f"])); err != nil || got < before {
					t.Errorf("%d cells of at least %d: %v", got, before, err)
				}
			}
		})
	}
	for i := range cells {
		m := bigtable.NewMutation()
		m.Set("f", fmt.Sprintf("%05d", cells-i), 0, nil)
		if errs, err := table.ApplyBulk(t.Context(), []string{"row", fmt.Sprintf("other-%d", i)}, []*bigtable.Mutation{m, m}); err != nil || errs != nil {
			t.Fatal(errs, err)
		}
		acknowledged.Add(1)
	}
	readers.Wait()
}

func openTable(t *testing.T, c *pixtest.Cloud) *bigtable.Table {
	t.Helper()
	admin, err := bigtable.NewAdminClient(t.Context(), c.ProjectID, "i", c.BigtableOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	err = admin.CreateTableFromConf(t.Context(), &bigtable.TableConf{TableID: "t", ColumnFamilies: map[string]bigtable.Family{
		"f": {GCPolicy: bigtable.MaxVersionsPolicy(1)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := bigtable.NewClientWithConfig(t.Context(), c.ProjectID, "i", bigtable.ClientConfig{
		MetricsProvider: bigtable.NoopMetricsProvider{}, DisableDirectAccess: true, DisableSession: true,
	}, c.BigtableOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client.Open("t")
}
