package push

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Policy is how a subscription delivers. A zero duration or number means its default.
type Policy struct {
	AckDeadline time.Duration // for one request; default 10 s
	MinBackoff  time.Duration // before the second attempt, doubling after each; default 100 ms
	MaxBackoff  time.Duration // default 10 s
	// CloudEvents posts as Eventarc does, CloudEvents 1.0 in binary mode. Otherwise as a push subscription does.
	CloudEvents bool
	Concurrency int // requests in flight; default 64
	// MaxOutstanding bounds the messages that are held: waiting, in flight and between two attempts; default 10,000.
	MaxOutstanding int
	Faults         Faults
	// Token gives the OIDC token that a request carries, as a subscription with push authentication does; nil sends none.
	Token func() (string, error)
	// Transport carries the requests; nil is the network. Local spares a watcher in the same process the sockets.
	Transport http.RoundTripper
	// Dial connects to the endpoint; nil is the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Faults is what Pub/Sub is allowed to do, made likely. What happens to a message depends on Seed and its id only.
type Faults struct {
	Seed uint64
	// LoseAcks is the share of messages whose first acknowledgement is lost: delivered again under the same id.
	LoseAcks float64
	// Republish is the share of messages that arrive a second time under another message id.
	Republish float64
	// Delay is the share of messages held back for up to MaxDelay before their first attempt: reordering.
	Delay    float64
	MaxDelay time.Duration // default 50 ms; also bounds when a duplicate follows
}

func (p Policy) withDefaults() Policy {
	p.AckDeadline = orDefault(p.AckDeadline, 10*time.Second)
	p.MinBackoff = orDefault(p.MinBackoff, 100*time.Millisecond)
	p.MaxBackoff = orDefault(p.MaxBackoff, 10*time.Second)
	p.Concurrency = orDefault(p.Concurrency, 64)
	p.MaxOutstanding = orDefault(p.MaxOutstanding, 10_000)
	p.Faults.MaxDelay = orDefault(p.Faults.MaxDelay, 50*time.Millisecond)
	return p
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (p Policy) validate() error {
	if p.Concurrency < 0 || p.MaxOutstanding < 0 || p.MinBackoff > p.MaxBackoff {
		return errors.New("push policy: a negative bound, or MinBackoff above MaxBackoff")
	}
	return nil
}

// backoff is the wait after the given number of failed attempts.
func (p Policy) backoff(attempts int) time.Duration {
	wait := p.MinBackoff
	for range attempts - 1 {
		wait *= 2
		if wait >= p.MaxBackoff {
			return p.MaxBackoff
		}
	}
	return wait
}
