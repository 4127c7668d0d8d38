package warehouse_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// answers is a BigQuery REST API that knows one answer, of columns name:type. With more it says that there is more than that,
// and refuses it.
func answers(t *testing.T, columns, more string, rows [][]any) (endpoint string, asked *atomic.Pointer[string]) {
	t.Helper()
	type cell struct {
		V any `json:"v"`
	}
	var fields []map[string]string
	for column := range strings.FieldsSeq(columns) {
		name, kind, _ := strings.Cut(column, ":")
		fields = append(fields, map[string]string{"name": name, "type": kind})
	}
	list := make([]map[string][]cell, len(rows))
	for i, row := range rows {
		for _, v := range row {
			list[i] = map[string][]cell{"f": append(list[i]["f"], cell{v})}
		}
	}
	body, err := json.Marshal(map[string]any{
		"jobComplete": true, "jobReference": map[string]string{"projectId": "p", "jobId": "j", "location": "US"},
		"schema": map[string]any{"fields": fields}, "rows": list, "totalRows": strconv.Itoa(len(rows)), "pageToken": more,
	})
	if err != nil {
		t.Fatal(err)
	}
	asked = &atomic.Pointer[string]{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var q struct{ Query string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		asked.Store(&q.Query)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// refuses is a BigQuery REST API that answers no query.
func refuses(t *testing.T) (endpoint string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(server.Close)
	return server.URL
}

func openReader(t *testing.T, endpoint string) *warehouse.Reader {
	t.Helper()
	reader, err := warehouse.OpenReader(t.Context(), warehouse.Config{ProjectID: "p", Dataset: "d"}, emulator.REST(endpoint)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	return reader
}

func TestAnswerIsText(t *testing.T) {
	t.Parallel()
	const columns = "text:STRING whole:INTEGER real:FLOAT money:NUMERIC at:TIMESTAMP is:BOOLEAN"
	names := []string{"text", "whole", "real", "money", "at", "is"}
	for name, c := range map[string]struct {
		rows [][]any
		want [][]string
	}{
		"none": {nil, nil},
		"two": {
			[][]any{{"a", "-7", "1e-7", "12.345", "1764547200250000", "true"}, {nil, nil, nil, nil, nil, nil}},
			[][]string{{"a", "-7", "0.0000001", "12.35", "2025-12-01 00:00:00.250", "true"}, {"", "", "", "", "", ""}},
		},
	} {
		endpoint, _ := answers(t, columns, "", c.rows)
		got, err := openReader(t, endpoint).Query(t.Context(), "SELECT", nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(warehouse.Answer{Columns: names, Rows: c.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// An answer is whole or an error: neither too much for a screen nor what could be read of it.
func TestAnswerIsWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows int
		more string
		want pix.Kind
	}{"one row too many": {10_001, "", pix.TooLarge}, "a page is lost": {1, "next", pix.Unavailable}} {
		endpoint, _ := answers(t, "n:INTEGER", c.more, slices.Repeat([][]any{{"1"}}, c.rows))
		if answer, err := openReader(t, endpoint).Query(t.Context(), "SELECT", nil); err == nil || pix.KindOf(err) != c.want || answer.Rows != nil {
			t.Errorf("%s: %d rows, %v; want none and kind %v", name, len(answer.Rows), err, c.want)
		}
	}
	endpoint, _ := answers(t, "n:INTEGER", "", slices.Repeat([][]any{{"1"}}, 10_000))
	if answer, err := openReader(t, endpoint).Query(t.Context(), "SELECT", nil); err != nil || len(answer.Rows) != 10_000 {
		t.Errorf("as much as fits: %d rows, %v", len(answer.Rows), err)
	}
	if _, err := openReader(t, refuses(t)).Query(t.Context(), "SELECT", nil); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("without BigQuery: %v", err)
	}
}

// TestQueriesNameTheDataset: a table without a dataset is the warehouse's, on BigQuery too, which would not look for it.
func TestQueriesNameTheDataset(t *testing.T) {
	t.Parallel()
	var asked struct {
		DefaultDataset  struct{ ProjectID, DatasetID string }
		QueryParameters []struct {
			Name           string
			ParameterValue struct{ Value string }
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusBadRequest)
	}))
	defer server.Close()
	if _, err := openReader(t, server.URL).Query(t.Context(), "SELECT 1", map[string]any{"b": "2", "a": "1"}); err == nil {
		t.Error("an error became an answer")
	}
	if got := asked.DefaultDataset; got.ProjectID != "p" || got.DatasetID != "d" {
		t.Errorf("the default dataset is %+v", got)
	}
	if p := asked.QueryParameters; len(p) != 2 || p[0].Name != "a" || p[0].ParameterValue.Value != "1" || p[1].Name != "b" {
		t.Errorf("the parameters are %+v", p)
	}
}
