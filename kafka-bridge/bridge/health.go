package bridge

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
)

// rejoinTime is what a member that was thrown out needs to come back by itself. Only one that stays out is unready.
const rejoinTime = 10 * time.Second

// silence is for how long no broker may answer before Kafka counts as away. They are asked every askEvery.
const silence = 8 * time.Second

// transactionPatience is how long a transaction may stay open before readiness tells of it. Producers keep theirs open
// for milliseconds; the broker aborts what is left open after a minute by the usual settings.
const transactionPatience = 10 * time.Second

// health is what readiness is made of. All times are of the monotonic clock, which nobody sets.
type health struct {
	publishing outage // of Pub/Sub
	tokenising outage // of the tokenised topic

	mu           sync.Mutex
	draining     bool
	joined       bool      // was in the group once
	outsideSince time.Time // zero in the group
	cause        error     // why it is outside
	answeredAt   time.Time // the last answer of a broker that was asked for the ends of partitions
	answersSince time.Time // since when they answer without a silence
}

func newHealth() *health {
	now := time.Now()
	return &health{
		publishing: outage{born: now}, tokenising: outage{born: now}, outsideSince: now, answeredAt: now, answersSince: now,
	}
}

// outage is for how long one of the outputs has failed without a success.
type outage struct {
	born  time.Time
	since atomic.Int64 // nanoseconds since born of the first failure since the last success; 0 when fine
}

func (o *outage) failed(since time.Time) { o.since.CompareAndSwap(0, max(1, int64(since.Sub(o.born)))) }

func (o *outage) worked() {
	if o.since.Load() != 0 {
		o.since.Store(0)
	}
}

func (o *outage) lasts(now time.Time) time.Duration {
	since := o.since.Load()
	if since == 0 {
		return 0
	}
	return now.Sub(o.born) - time.Duration(since)
}

// failing is for how long either output has failed.
func (h *health) failing(now time.Time) time.Duration {
	return max(h.publishing.lasts(now), h.tokenising.lasts(now))
}

func (h *health) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

// entered notes that the group has taken this member, with partitions or to stand by.
func (h *health) entered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joined, h.outsideSince, h.cause = true, time.Time{}, nil
}

// OnGroupManageError implements kgo.HookGroupManageError: the membership has ended, or another attempt at one failed.
func (h *health) OnGroupManageError(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cause = err
	if h.outsideSince.IsZero() {
		h.outsideSince = time.Now()
	}
}

// heard notes that a broker answered.
func (h *health) heard(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.answeredAt) > silence {
		h.answersSince = now
	}
	h.answeredAt = now
}

// outside is for how long this process has not been in the group, silent for how long no broker has answered it.
func (h *health) outside(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return elapsed(h.outsideSince, now)
}

func (h *health) silent(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.quiet(now)
}

// quiet is silent with the mutex held.
func (h *health) quiet(now time.Time) time.Duration {
	if d := now.Sub(h.answeredAt); d > silence {
		return d
	}
	return 0
}

// group says what is wrong with the membership. It is the process's own fault to be outside while brokers answer. While
// none answers a process that was in the group is as good as any other; one that never was is still starting.
func (h *health) group() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	switch {
	case h.outsideSince.IsZero():
		return nil
	case !h.joined:
		return notJoined("starting: not in the group for", h.outsideSince, h.cause)
	case h.quiet(now) > 0, now.Sub(h.outsideSince) < rejoinTime, now.Sub(h.answersSince) < rejoinTime:
		return nil
	default:
		return notJoined("outside the group for", h.outsideSince, h.cause)
	}
}

func notJoined(what string, since time.Time, cause error) error {
	after := time.Since(since).Round(time.Second)
	if cause == nil {
		return fmt.Errorf("%s %s", what, after)
	}
	return fmt.Errorf("%s %s: %w", what, after, cause)
}

func (h *health) leaving() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return errors.New("stopping")
	}
	return nil
}

// lasting turns a duration into the detail of a condition.
func lasting(what string, d time.Duration) error {
	if d == 0 {
		return nil
	}
	return fmt.Errorf("%s for %s", what, d.Round(time.Second))
}

// conditions are what readiness tells. A bridge serves nobody, so being unready routes nothing away: it stops a rollout
// and shows which pod to look at. Faults that another pod would have too are told and do not make it unready.
func (b *Bridge) conditions() []lifecycle.Condition {
	return []lifecycle.Condition{
		{Name: "running", Own: true, Check: b.health.leaving},
		{Name: "group", Own: true, Check: b.health.group},
		{Name: "clock", Own: true, Check: b.clock.Err},
		{Name: "kafka", Check: func() error { return lasting("no broker answers", b.health.silent(time.Now())) }},
		{Name: "transactions", Check: b.pendingTransaction},
		{Name: "publishing", Check: func() error { return lasting("every publish fails", b.health.publishing.lasts(time.Now())) }},
		{Name: "tokenised", Check: func() error {
			return lasting(b.cfg.TokenisedTopic+" acknowledges nothing", b.health.tokenising.lasts(time.Now()))
		}},
	}
}

// pendingTransaction names the transaction that has been holding back its partition for longest, once it takes too long.
func (b *Bridge) pendingTransaction() error {
	var worst state
	for _, s := range b.ledger.states(time.Now()) {
		if s.pending > worst.pending {
			worst = s
		}
	}
	if worst.pending < transactionPatience {
		return nil
	}
	return lasting(fmt.Sprintf("a transaction is pending on partition %d of %s", worst.id, worst.topic), worst.pending)
}

// Handler serves /healthz (the process answers), /readyz (lifecycle.ReadyHandler over what is told of the group, the
// clock, Kafka, its transactions and Pub/Sub) and /metrics.
func (b *Bridge) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.Handle("GET /readyz", lifecycle.ReadyHandler(b.conditions()...))
	mux.Handle("GET /metrics", obs.MetricsHandler(b.registry))
	return mux
}
