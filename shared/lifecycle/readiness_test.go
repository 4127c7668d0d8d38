package lifecycle_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/lifecycle"
)

// Only what is the process's own takes it out of service; everything is told.
func TestReadyHandler(t *testing.T) {
	t.Parallel()
	condition := func(name string, own bool, err error) lifecycle.Condition {
		return lifecycle.Condition{Name: name, Own: own, Check: func() error { return err }}
	}
	away := errors.New("away for 3s")
	tells := func(err error) lifecycle.Condition {
		c := condition("models", true, err)
		c.Tell = func() string { return "payer/5" }
		return c
	}
	cases := map[string]struct {
		conditions []lifecycle.Condition
		status     int
		body       string
	}{
		"nothing to look at": {nil, http.StatusOK, `{"ready":true,"conditions":[]}`},
		"a dependency is away for all": {
			[]lifecycle.Condition{condition("model", true, nil), condition("store", false, away)}, http.StatusOK,
			`{"ready":true,"conditions":[{"name":"model","ok":true,"own":true},{"name":"store","ok":false,"own":false,"detail":"away for 3s"}]}`,
		},
		"all is well, and it tells what serves": {
			[]lifecycle.Condition{tells(nil)}, http.StatusOK,
			`{"ready":true,"conditions":[{"name":"models","ok":true,"own":true,"detail":"payer/5"}]}`,
		},
		"what serves is not told in the place of a fault": {
			[]lifecycle.Condition{tells(away)}, http.StatusServiceUnavailable,
			`{"ready":false,"conditions":[{"name":"models","ok":false,"own":true,"detail":"away for 3s"}]}`,
		},
		"a fault of its own, before one that is not": {
			[]lifecycle.Condition{condition("group", true, away), condition("store", false, away)}, http.StatusServiceUnavailable,
			`{"ready":false,"conditions":[{"name":"group","ok":false,"own":true,"detail":"away for 3s"},{"name":"store","ok":false,"own":false,"detail":"away for 3s"}]}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			lifecycle.ReadyHandler(c.conditions...).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if diff := cmp.Diff(c.body+"\n", w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}
