package bq_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	reader "cloud.google.com/go/bigquery/storage/apiv1"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
)

// openEmulator starts an emulator with tables, and a client.
func openEmulator(t *testing.T) (*pixtest.Cloud, *bigquery.Client) {
	t.Helper()
	c, err := pixtest.Start(t.Context(), pixtest.Options{BigQuery: bq.Start})
	if err != nil {
		t.Fatal(err)
	}
	client, err := bigquery.NewClient(t.Context(), c.ProjectID, c.BigQueryOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(client.Close(), c.Close()); err != nil {
			t.Error(err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	if err := createTables(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	return c, client
}

// answer is what matters of an answer to a query, in either form.
type answer struct {
	Status                    int
	Reason, Location, Message string
}

// TestWrongQueries: what is wrong with a query is said as BigQuery says it, on each way to ask.
func TestWrongQueries(t *testing.T) {
	t.Parallel()
	c, client := openEmulator(t)
	for sql, want := range map[string]answer{
		"SELEC 1":                           {400, "invalidQuery", "query", "Syntax error"},
		"SELECT 1; SELEC 2":                 {400, "invalidQuery", "query", "Syntax error"},
		"SELECT nope FROM fraud.alerts":     {400, "invalidQuery", "query", "Unrecognized name: nope"},
		"SELECT NOPE(1)":                    {400, "invalidQuery", "query", "Function not found: NOPE"},
		"SELECT id = @id FROM fraud.alerts": {400, "invalidQuery", "query", "Query parameters"},
		"SELECT 1/0":                        {400, "invalidQuery", "query", "zero divided"},
		"SELECT * FROM fraud.nope":          {404, "notFound", "", "Not found: Table fraud.nope"},
		"SELECT * FROM nope.nope":           {404, "notFound", "", "Not found: Table nope.nope"},
	} {
		for name, ask := range map[string]func(*testing.T, *pixtest.Cloud, string) answer{"query": askQuery, "job": askJob} {
			got := ask(t, c, sql)
			if !strings.HasPrefix(got.Message, want.Message) {
				t.Errorf("%s by %s: message %q, want %q", sql, name, got.Message, want.Message)
			}
			got.Message = want.Message
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", sql, name, diff)
			}
		}
		// The client would ask again until the context ends.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := client.Query(sql).Read(ctx)
		cancel()
		if status, reason := told(err); reason != want.Reason || status != 0 && status != want.Status {
			t.Errorf("%s: the client says %v", sql, err)
		}
	}
	if _, err := count(t.Context(), client, "decisions"); err != nil {
		t.Errorf("a right query after the wrong ones: %v", err)
	}
}

// told reads an error of the client: of a request, or of a job, which has no status.
func told(err error) (status int, reason string) {
	var request *googleapi.Error
	if errors.As(err, &request) && len(request.Errors) > 0 {
		return request.Code, request.Errors[0].Reason
	}
	var job *bigquery.Error
	if errors.As(err, &job) {
		return 0, job.Reason
	}
	return 0, ""
}

// askQuery asks with jobs.query.
func askQuery(t *testing.T, c *pixtest.Cloud, sql string) answer {
	t.Helper()
	var reply struct {
		Error struct {
			Code    int
			Message string
			Errors  []answer
		}
	}
	status := call(t, http.MethodPost, c.BigQueryREST+"/bigquery/v2/projects/"+c.ProjectID+"/queries", map[string]any{"query": sql}, &reply)
	if len(reply.Error.Errors) != 1 || reply.Error.Code != status || reply.Error.Message != reply.Error.Errors[0].Message {
		t.Fatalf("%s: status %d, %+v", sql, status, reply)
	}
	got := reply.Error.Errors[0]
	got.Status = status
	return got
}

// askJob asks with jobs.insert, whose answer is a job that has failed, and asks for its results too.
func askJob(t *testing.T, c *pixtest.Cloud, sql string) answer {
	t.Helper()
	jobs := c.BigQueryREST + "/bigquery/v2/projects/" + c.ProjectID + "/jobs"
	var job struct {
		Status struct {
			State       string
			ErrorResult answer
			Errors      []answer
		}
	}
	id := rand.Text()
	body := map[string]any{
		"jobReference":  map[string]any{"projectId": c.ProjectID, "jobId": id},
		"configuration": map[string]any{"query": map[string]any{"query": sql, "useLegacySql": false}},
	}
	if status := call(t, http.MethodPost, jobs, body, &job); status != http.StatusOK || job.Status.State != "DONE" {
		t.Fatalf("%s: status %d, %+v", sql, status, job)
	}
	var results struct {
		Error struct {
			Code   int
			Errors []answer
		}
	}
	got := job.Status.ErrorResult
	got.Status = call(t, http.MethodGet, strings.TrimSuffix(jobs, "jobs")+"queries/"+id, nil, &results)
	if len(results.Error.Errors) != 1 || results.Error.Errors[0].Reason != got.Reason || results.Error.Code != got.Status {
		t.Errorf("%s: the job says %+v, its results %+v", sql, got, results)
	}
	return got
}

// call does one request of the REST API and reads its answer.
func call(t *testing.T, method, url string, body, reply any) (status int) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, reply); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return response.StatusCode
}

// TestStorageRead reads a table over the Storage API in Arrow, as to_dataframe and Spark do.
func TestStorageRead(t *testing.T) {
	t.Parallel()
	c, client := openEmulator(t)
	appendRows(t, c)
	if err := client.EnableStorageReadClient(t.Context(), c.BigQueryStorageOptions()...); err != nil {
		t.Fatal(err)
	}
	it := client.Dataset("fraud").Table("decisions").Read(t.Context())
	n := 0
	for ; ; n++ {
		var row struct {
			ID     string
			Amount int64
		}
		err := it.Next(&row)
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil || row.ID == "" {
			t.Fatalf("row %d is %v: %v", n, row, err)
		}
	}
	if n != rows || !it.IsAccelerated() {
		t.Errorf("%d rows, want %d; over the Storage API: %t", n, rows, it.IsAccelerated())
	}
}

// TestReadGoesOnAtAnOffset, as after a break, and a stream that nobody began is not found.
func TestReadGoesOnAtAnOffset(t *testing.T) {
	t.Parallel()
	c, _ := openEmulator(t)
	appendRows(t, c)
	client, err := reader.NewBigQueryReadClient(t.Context(), c.BigQueryStorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	session, err := client.CreateReadSession(t.Context(), &storagepb.CreateReadSessionRequest{
		Parent: "projects/" + c.ProjectID, MaxStreamCount: 1, ReadSession: &storagepb.ReadSession{
			Table: "projects/" + c.ProjectID + "/datasets/fraud/tables/decisions", DataFormat: storagepb.DataFormat_ARROW,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	name := session.GetStreams()[0].GetName()
	for _, offset := range []int64{0, 1, rows - 1, rows} {
		if n, err := countRows(t.Context(), client, name, offset); n != rows-offset || err != nil {
			t.Errorf("from %d: %d rows, %v", offset, n, err)
		}
	}
	if _, err := countRows(t.Context(), client, name+"x", 0); status.Code(err) != codes.NotFound {
		t.Errorf("a stream that nobody began: %v", err)
	}
}

func countRows(ctx context.Context, client *reader.BigQueryReadClient, stream string, offset int64) (n int64, err error) {
	answers, err := client.ReadRows(ctx, &storagepb.ReadRowsRequest{ReadStream: stream, Offset: offset})
	for err == nil {
		var answer *storagepb.ReadRowsResponse
		answer, err = answers.Recv()
		n += answer.GetRowCount()
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
