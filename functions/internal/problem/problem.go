// Package problem writes answers that are no decision, as RFC 9457 says.
package problem

import (
	"encoding/json"
	"net/http"
)

// WriteStatus answers with a status, a kind from a closed set and a sentence that holds no value of the request.
func WriteStatus(w http.ResponseWriter, status int, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the caller has gone
		"type": "about:blank", "title": http.StatusText(status), "status": status, "kind": kind, "detail": detail,
	})
}
