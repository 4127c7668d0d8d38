package bq_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The emulator never closes the inner database: one idle goroutine, and its rows, for each that was started.
		goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		// The write client cancels a closed stream's context 20 s later.
		goleak.IgnoreAnyFunction("cloud.google.com/go/bigquery/storage/managedwriter.(*connection).getStream.func1"),
	)
}

const (
	writers   = 4
	batches   = 5
	batchRows = 100
	rows      = writers * batches * batchRows / 2 // in each table
)

// tables are two: the emulator on its own mixes them up.
var tables = [2]string{"decisions", "alerts"}

// TestRoundTrip appends over the Storage API, queries over REST and with Google's bq, twice with a fresh emulator.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for range 2 {
		roundTrip(t)
	}
}

func roundTrip(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	c, err := pixtest.Start(ctx, pixtest.Options{BigQuery: bq.Start})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("start-up:", c.Startup())
	client, err := bigquery.NewClient(ctx, c.ProjectID, c.BigQueryOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := createTables(ctx, client); err != nil {
		t.Fatal(err)
	}
	stopReading := keepReading(t, client)
	appendRows(t, c)
	stopReading()
	began := time.Now()
	for _, table := range tables {
		if n, err := count(ctx, client, table); err != nil || n != rows {
			t.Errorf("%d rows in %s, want %d: %v", n, table, rows, err)
		}
	}
	t.Log("query:", time.Since(began))
	googleBQ(t, c)
	if err := errors.Join(client.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func createTables(ctx context.Context, client *bigquery.Client) error {
	dataset := client.Dataset("fraud")
	if err := dataset.Create(ctx, nil); err != nil {
		return fmt.Errorf("create dataset: %w", err)
	}
	var failures []error
	for _, table := range tables {
		failures = append(failures, dataset.Table(table).Create(ctx, &bigquery.TableMetadata{Schema: bigquery.Schema{
			{Name: "id", Type: bigquery.StringFieldType, Required: true},
			{Name: "amount", Type: bigquery.IntegerFieldType, Required: true},
		}}))
	}
	return errors.Join(failures...)
}

// appendRows appends from several writers at once on several streams, as several functions do.
func appendRows(t *testing.T, c *pixtest.Cloud) {
	t.Helper()
	client, err := managedwriter.NewClient(t.Context(), c.ProjectID, c.BigQueryStorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	message := rowDescriptor(t)
	began := time.Now()
	var g errgroup.Group
	for writer := range writers {
		g.Go(func() error { return appendBatches(t.Context(), client, c.ProjectID, message, writer) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d writers, %d appends of %d rows in all: %v", writers, writers*batches, batchRows, time.Since(began))
}

func appendBatches(ctx context.Context, client *managedwriter.Client, project string,
	message protoreflect.MessageDescriptor, writer int,
) error {
	normal, err := adapt.NormalizeDescriptor(message)
	if err != nil {
		return fmt.Errorf("normalize: %w", err)
	}
	stream, err := client.NewManagedStream(ctx,
		managedwriter.WithDestinationTable(managedwriter.TableParentFromParts(project, "fraud", tables[writer%2])),
		managedwriter.WithType(managedwriter.DefaultStream), managedwriter.WithSchemaDescriptor(normal))
	if err != nil {
		return fmt.Errorf("new stream: %w", err)
	}
	defer stream.Close()
	for batch := range batches {
		rows, err := encodeRows(message, fmt.Sprintf("E%d-%d-", writer, batch))
		if err != nil {
			return err
		}
		result, err := stream.AppendRows(ctx, rows)
		if err != nil {
			return fmt.Errorf("append: %w", err)
		}
		if _, err := result.GetResult(ctx); err != nil {
			return fmt.Errorf("append result: %w", err)
		}
	}
	return nil
}

func encodeRows(message protoreflect.MessageDescriptor, prefix string) ([][]byte, error) {
	rows := make([][]byte, batchRows)
	for i := range rows {
		m := dynamicpb.NewMessage(message)
		m.Set(message.Fields().ByName("id"), protoreflect.ValueOfString(fmt.Sprint(prefix, i)))
		m.Set(message.Fields().ByName("amount"), protoreflect.ValueOfInt64(int64(i)))
		encoded, err := proto.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("encode row: %w", err)
		}
		rows[i] = encoded
	}
	return rows, nil
}

// rowDescriptor is the table as adapt sees it.
func rowDescriptor(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	required := storagepb.TableFieldSchema_REQUIRED
	schema := &storagepb.TableSchema{Fields: []*storagepb.TableFieldSchema{
		{Name: "id", Type: storagepb.TableFieldSchema_STRING, Mode: required},
		{Name: "amount", Type: storagepb.TableFieldSchema_INT64, Mode: required},
	}}
	descriptor, err := adapt.StorageSchemaToProto2Descriptor(schema, "row")
	if err != nil {
		t.Fatal(err)
	}
	return descriptor.(protoreflect.MessageDescriptor)
}

// keepReading queries until the returned function is called: readers and writers must not fail one another.
func keepReading(t *testing.T, client *bigquery.Client) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if _, err := count(t.Context(), client, "decisions"); err != nil {
					t.Errorf("query beside writers: %v", err)
					return
				}
			}
		}
	})
	return func() { close(done); reader.Wait() }
}

func count(ctx context.Context, client *bigquery.Client, table string) (int64, error) {
	it, err := client.Query("SELECT COUNT(*), SUM(amount) FROM fraud." + table).Read(ctx)
	if err != nil {
		return 0, fmt.Errorf("query: %w", err)
	}
	var row []bigquery.Value
	if err := it.Next(&row); err != nil {
		return 0, fmt.Errorf("first row: %w", err)
	}
	return row[0].(int64), nil
}

// googleBQ queries with Google's own command where it is installed.
func googleBQ(t *testing.T, c *pixtest.Cloud) {
	t.Helper()
	path, err := exec.LookPath("bq")
	if err != nil {
		t.Log("bq is not installed: that check is skipped")
		return
	}
	config := t.TempDir()
	token := filepath.Join(config, "token")
	if err := os.WriteFile(token, []byte("any"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, arguments ...string) string {
		command := exec.CommandContext(t.Context(), name, arguments...)
		command.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+config, "CLOUDSDK_CORE_DISABLE_PROMPTS=1")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		return string(out)
	}
	run("gcloud", "config", "set", "auth/access_token_file", token)
	out := run(path, "--api", c.BigQueryREST, "--project_id", c.ProjectID, "query", "--format=csv", "--nouse_legacy_sql",
		"SELECT COUNT(*) AS n FROM fraud.decisions")
	if !strings.Contains(out, fmt.Sprint(rows)) {
		t.Errorf("bq answered %q", out)
	}
}

// TestAppendSizes checks BigQuery's bound of 10 MB, above the emulator's own of 4.
func TestAppendSizes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, err := pixtest.Start(ctx, pixtest.Options{BigQuery: bq.Start})
	if err != nil {
		t.Fatal(err)
	}
	client, err := bigquery.NewClient(ctx, c.ProjectID, c.BigQueryOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := createTables(ctx, client); err != nil {
		t.Fatal(err)
	}
	writer, err := managedwriter.NewClient(ctx, c.ProjectID, c.BigQueryStorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 1<<20)
	for mb, want := range map[int]bool{9: true, 11: false} {
		if err := appendBig(ctx, t, writer, c.ProjectID, slices.Repeat([]string{big}, mb)); (err == nil) != want {
			t.Errorf("append of %d MB: %v", mb, err)
		}
	}
	if n, err := count(ctx, client, "decisions"); err != nil || n != 9 {
		t.Errorf("%d rows, want 9: %v", n, err)
	}
	if err := errors.Join(writer.Close(), client.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func appendBig(ctx context.Context, t *testing.T, client *managedwriter.Client, project string, ids []string) error {
	t.Helper()
	message := rowDescriptor(t)
	normal, err := adapt.NormalizeDescriptor(message)
	if err != nil {
		return fmt.Errorf("normalize: %w", err)
	}
	stream, err := client.NewManagedStream(ctx, managedwriter.WithType(managedwriter.DefaultStream),
		managedwriter.WithDestinationTable(managedwriter.TableParentFromParts(project, "fraud", "decisions")),
		managedwriter.WithSchemaDescriptor(normal))
	if err != nil {
		return fmt.Errorf("new stream: %w", err)
	}
	defer stream.Close()
	rows := make([][]byte, len(ids))
	for i, id := range ids {
		m := dynamicpb.NewMessage(message)
		m.Set(message.Fields().ByName("id"), protoreflect.ValueOfString(id))
		m.Set(message.Fields().ByName("amount"), protoreflect.ValueOfInt64(1))
		if rows[i], err = proto.Marshal(m); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	result, err := stream.AppendRows(ctx, rows)
	if err != nil {
		return fmt.Errorf("append: %w", err)
	}
	_, err = result.GetResult(ctx)
	return err
}
