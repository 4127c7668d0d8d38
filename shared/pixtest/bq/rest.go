package bq

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// emulatorReason is what the emulator says of whatever goes wrong with a query. Clients take it for a passing fault of
// BigQuery's and ask again for ten minutes.
const emulatorReason = "jobInternalError"

// queryErrors makes answers about queries that are wrong say so as BigQuery does.
func queryErrors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := &heldAnswer{header: w.Header(), status: http.StatusOK}
		next.ServeHTTP(held, r)
		if bytes.Contains(held.body.Bytes(), []byte(emulatorReason)) {
			held.correct()
		}
		w.WriteHeader(held.status)
		_, _ = w.Write(held.body.Bytes()) // the client has gone
	})
}

// heldAnswer is an answer before it is sent.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is that of the answer.
func (a *heldAnswer) Header() http.Header { return a.header }

// WriteHeader notes the status.
func (a *heldAnswer) WriteHeader(status int) { a.status = status }

// Write notes a part of the body.
func (a *heldAnswer) Write(b []byte) (int, error) {
	return a.body.Write(b) //nolint:wrapcheck // a buffer's never fails
}

// correct says in every place what the error is. What is no JSON stays as it is.
func (a *heldAnswer) correct() {
	var document any
	decoder := json.NewDecoder(bytes.NewReader(a.body.Bytes()))
	decoder.UseNumber()
	if decoder.Decode(&document) != nil {
		return
	}
	found := correct(document)
	if found == nil {
		return
	}
	if top, ok := document.(map[string]any); ok && a.status >= http.StatusBadRequest {
		if e, ok := top["error"].(map[string]any); ok {
			e["code"], e["message"] = found.status, found.message
			a.status = found.status
		}
	}
	body, err := json.Marshal(document)
	if err != nil {
		return
	}
	a.body.Reset()
	a.body.Write(body)
	a.header.Set("Content-Length", strconv.Itoa(len(body)))
}

// correct rewrites the emulator's errors in a document and returns what the last of them is, nil when none was rewritten.
func correct(v any) (found *queryError) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if f := correct(e); f != nil {
				found = f
			}
		}
	case map[string]any:
		message, _ := v["message"].(string)
		if v["reason"] == emulatorReason {
			if found = classify(message); found != nil {
				v["reason"], v["location"], v["message"] = found.reason, found.location, found.message
			}
			return found
		}
		for _, e := range v {
			if f := correct(e); f != nil {
				found = f
			}
		}
	}
	return found
}

// queryError is an error as BigQuery's API gives it: https://cloud.google.com/bigquery/docs/error-messages.
type queryError struct {
	status                    int
	reason, location, message string
}

// Words of the emulator.
const noTable = "Table not found: "

// wrongQuery lists how the emulator's messages about a wrong query begin. All others may be its own failures, and stay.
func wrongQuery() []string {
	return []string{
		"failed to analyze: ", "failed to parse statements: failed to parse statement: ", "failed to parse statements: ",
		"failed to scan rows: ", "not enough query arguments",
	}
}

// classify reads the emulator's message; nil is a failure of its own, such as a lock that it did not get.
func classify(message string) *queryError {
	for _, own := range []string{"database is locked", "context canceled", "context deadline exceeded"} {
		if strings.Contains(message, own) {
			return nil
		}
	}
	for _, start := range wrongQuery() {
		rest, ok := strings.CutPrefix(message, start)
		if !ok {
			continue
		}
		if table, ok := strings.CutPrefix(rest, noTable); ok {
			return &queryError{http.StatusNotFound, "notFound", "", "Not found: Table " + table}
		}
		if rest == "" {
			rest = "Query parameters: " + start
		}
		return &queryError{http.StatusBadRequest, "invalidQuery", "query", rest}
	}
	return nil
}
