package bridge

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

// health is what readiness is made of.
type health struct {
	unreadyAfter time.Duration
	assigned     atomic.Bool
	failingSince atomic.Int64 // Unix nanoseconds of the first publish that failed since the last success; 0 when fine
}

func (h *health) failed(since time.Time) { h.failingSince.CompareAndSwap(0, since.UnixNano()) }

func (h *health) acknowledged() {
	if h.failingSince.Load() != 0 {
		h.failingSince.Store(0)
	}
}

// failing is for how long publishing has failed without a success.
func (h *health) failing(now time.Time) time.Duration {
	since := h.failingSince.Load()
	if since == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, since))
}

// problem says why the bridge is not ready, empty when it is.
func (h *health) problem(now time.Time) string {
	switch {
	case !h.assigned.Load():
		return "no partition assignment yet"
	case h.failing(now) > h.unreadyAfter:
		return "publishing fails"
	default:
		return ""
	}
}

// Handler serves /healthz (the process answers), /readyz (in the group, and publishing works) and /metrics.
func (b *Bridge) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, "") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, b.health.problem(time.Now()))
	})
	mux.Handle("GET /metrics", obs.MetricsHandler(b.registry))
	return mux
}

func answer(w http.ResponseWriter, problem string) {
	if problem != "" {
		http.Error(w, problem, http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
