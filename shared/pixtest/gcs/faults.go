package gcs

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Loss is how the reply to a write gets lost.
type Loss int

// Losses.
const (
	Answered503 Loss = iota // the client is answered 503, and tries again
	Cut                     // its connection is cut
	CutAndAway              // its connection is cut, and every later call is answered 503
)

// Faults makes a Cloud Storage fake misbehave, as a test says. The zero value does nothing.
type Faults struct {
	mu      sync.Mutex
	replies int
	loss    Loss
	away    bool
	silent  chan struct{} // nil, or closed when it ends
	calls   int
}

// LoseReplies has the next n writes take effect and their replies get lost.
func (f *Faults) LoseReplies(n int, how Loss) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replies, f.loss = n, how
}

// SetAway has every call answered 503, or no longer.
func (f *Faults) SetAway(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// SetSilent has no call answered, or no longer; those that wait are cut then.
func (f *Faults) SetSilent(silent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent != nil {
		close(f.silent)
		f.silent = nil
	}
	if silent {
		f.silent = make(chan struct{})
	}
}

// Calls returns how many calls have come in.
func (f *Faults) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// front stands before the fake.
func (f *Faults) front(fake http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.calls++
		away, silent, loss := f.away, f.silent, f.loss
		lose := f.replies > 0 && r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/upload/")
		if lose {
			f.replies--
			f.away = f.away || loss == CutAndAway
		}
		f.mu.Unlock()
		switch {
		case silent != nil:
			select {
			case <-silent:
			case <-r.Context().Done():
			}
			hangUp(w)
		case lose:
			fake.ServeHTTP(httptest.NewRecorder(), r)
			if loss != Answered503 {
				hangUp(w)
				return
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		case away:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			fake.ServeHTTP(w, r)
		}
	})
}

// hangUp closes a connection without an answer.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}
