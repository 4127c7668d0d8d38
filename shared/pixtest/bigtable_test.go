package pixtest_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/pubsub/v2"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// TestReadersSeeEveryAcknowledgedCell reads a row again and again while cells are added to its front: a read shows every
// cell whose write was acknowledged before the read began.
func TestReadersSeeEveryAcknowledgedCell(t *testing.T) {
	t.Parallel()
	for name, inProcess := range map[string]bool{"over a connection": false, "in process": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			readersSeeEveryAcknowledgedCell(t, inProcess)
		})
	}
}

func readersSeeEveryAcknowledgedCell(t *testing.T, inProcess bool) {
	t.Helper()
	c, err := pixtest.Start(t.Context(), pixtest.Options{Bigtable: true, KeepCells: true, InProcess: inProcess})
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

// TestPortsAreOpenInProcessToo: what a client of the process writes, one from outside reads, and the other way round.
func TestPortsAreOpenInProcessToo(t *testing.T) {
	t.Parallel()
	c, err := pixtest.Start(t.Context(), pixtest.Options{Bigtable: true, PubSub: true, InProcess: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	inside := openTable(t, c)
	client, err := bigtable.NewClientWithConfig(t.Context(), c.ProjectID, "i", bigtable.ClientConfig{
		MetricsProvider: bigtable.NoopMetricsProvider{}, DisableDirectAccess: true, DisableSession: true,
	}, emulator.GRPC(c.BigtableEndpoint)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	outside := client.Open("t")
	m := bigtable.NewMutation()
	m.Set("f", "c", 0, []byte("v"))
	for _, ends := range []struct {
		key      string
		from, to *bigtable.Table
	}{{"in", inside, outside}, {"out", outside, inside}} {
		if err := ends.from.Apply(t.Context(), ends.key, m); err != nil {
			t.Fatal(err)
		}
		if row, err := ends.to.ReadRow(t.Context(), ends.key); err != nil || len(row["f"]) != 1 {
			t.Errorf("%s: the row is %v: %v", ends.key, row, err)
		}
	}
	publisher, err := pubsub.NewClient(t.Context(), c.ProjectID, c.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	subscription := subscribe(t, publisher, c.ProjectID)
	publish(t, publisher, 10, 100)
	subscriber, err := pubsub.NewClient(t.Context(), c.ProjectID, emulator.GRPC(c.PubSubEndpoint)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = subscriber.Close() })
	take(t, subscriber, subscription, 10, 100)
}
