package bq_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	"go.uber.org/goleak"
	"google.golang.org/api/iterator"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The write client cancels a closed stream's context 20 s later.
		goleak.IgnoreAnyFunction("cloud.google.com/go/bigquery/storage/managedwriter.(*connection).getStream.func1"),
	)
}

const rows = 500

// TestRoundTrip appends over the Storage API, queries over REST and with Google's bq, twice with a fresh emulator.
func TestRoundTrip(t *testing.T) {
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
	if err := createTable(ctx, client); err != nil {
		t.Fatal(err)
	}
	appendRows(t, c)
	began := time.Now()
	if n := count(ctx, t, client); n != rows {
		t.Errorf("%d rows, want %d: the second emulator may share the first one's database", n, rows)
	}
	t.Log("query:", time.Since(began))
	googleBQ(t, c)
	if err := errors.Join(client.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func createTable(ctx context.Context, client *bigquery.Client) error {
	dataset := client.Dataset("fraud")
	if err := dataset.Create(ctx, nil); err != nil {
		return fmt.Errorf("create dataset: %w", err)
	}
	return dataset.Table("decisions").Create(ctx, &bigquery.TableMetadata{Schema: bigquery.Schema{
		{Name: "id", Type: bigquery.StringFieldType, Required: true},
		{Name: "amount", Type: bigquery.IntegerFieldType, Required: true},
	}})
}

func appendRows(t *testing.T, c *pixtest.Cloud) {
	t.Helper()
	ctx := t.Context()
	client, err := managedwriter.NewClient(ctx, c.ProjectID, c.BigQueryStorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	message := rowDescriptor(t)
	normal, err := adapt.NormalizeDescriptor(message)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.NewManagedStream(ctx,
		managedwriter.WithDestinationTable(managedwriter.TableParentFromParts(c.ProjectID, "fraud", "decisions")),
		managedwriter.WithType(managedwriter.DefaultStream), managedwriter.WithSchemaDescriptor(normal))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	batch := make([][]byte, rows)
	for i := range batch {
		m := dynamicpb.NewMessage(message)
		m.Set(message.Fields().ByName("id"), protoreflect.ValueOfString(fmt.Sprint("E", i)))
		m.Set(message.Fields().ByName("amount"), protoreflect.ValueOfInt64(int64(i)))
		if batch[i], err = proto.Marshal(m); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	result, err := stream.AppendRows(ctx, batch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := result.GetResult(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("append of %d rows: %v", rows, time.Since(began))
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

func count(ctx context.Context, t *testing.T, client *bigquery.Client) int64 {
	t.Helper()
	it, err := client.Query("SELECT COUNT(*), SUM(amount) FROM fraud.decisions").Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var row []bigquery.Value
	if err := it.Next(&row); err != nil && !errors.Is(err, iterator.Done) {
		t.Fatal(err)
	}
	return row[0].(int64)
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
