package score

import (
	"net/http"

	"github.com/sentinela-pix/sentinela/docs"
	"github.com/sentinela-pix/sentinela/functions/internal/problem"
)

// contract serves GET /v1/openapi.yaml: what callers can rely on, as this release keeps it.
func contract(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		problem.NotAllowed(w, http.MethodGet)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(docs.OpenAPI()) // the caller has gone
}
