package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
)

// Config is one push subscription.
type Config struct {
	Conn         grpc.ClientConnInterface // to Pub/Sub; stays open when the dispatcher stops
	Subscription string                   // projects/P/subscriptions/S, must exist
	URL          string
	Policy       Policy
}

// Stats counts since the start.
type Stats struct {
	Posted      int64 // requests sent
	Acked       int64 // messages done
	Failed      int64 // requests answered with a refusing status, or not at all
	Expired     int64 // of Failed: no answer within the deadline
	Dropped     int64 // messages lost: older than the subscription's retention
	Redelivered int64 // injected: acknowledgements lost
	Republished int64 // injected: second message ids
}

// Dispatcher delivers one subscription until Stop.
type Dispatcher struct {
	policy     Policy
	target     target
	retention  time.Duration
	subscriber pubsubpb.SubscriberClient
	client     *http.Client

	ready chan *delivery // never full: it has room for every delivery that can exist
	acks  chan string
	freed chan struct{} // a hint that a slot became free

	mu   sync.Mutex
	held map[string]*delivery // by message id: what is neither acknowledged nor given back

	stopPull   context.CancelFunc // ends first: no new message, no new attempt
	cancelPost context.CancelFunc // cuts the requests in flight when a graceful stop takes too long
	pull       sync.WaitGroup
	workers    sync.WaitGroup
	acking     sync.WaitGroup
	stopOnce   sync.Once
	stopErr    error

	posted, acked, failed, expired, dropped, redelivered, republished atomic.Int64
}

// delivery is one message on its way. It is owned by exactly one of the ready queue, a worker and a timer.
type delivery struct {
	message  *pubsubpb.PubsubMessage
	ackID    string // empty for an injected copy; guarded by Dispatcher.mu
	leasedAt time.Time
	attempts int
	plan     plan
	timer    *time.Timer // guarded by Dispatcher.mu
}

// Start begins to deliver. The context bounds the start only.
func Start(ctx context.Context, c Config) (*Dispatcher, error) {
	if err := c.Policy.withDefaults().validate(); err != nil {
		return nil, err
	}
	d := newDispatcher(c)
	found, err := d.subscriber.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: c.Subscription})
	if err != nil {
		return nil, fmt.Errorf("push: get subscription %s: %w", c.Subscription, err)
	}
	if len(strings.Split(c.Subscription, "/")) != 4 {
		return nil, errors.New("push: subscription is not projects/P/subscriptions/S")
	}
	if found.GetDeadLetterPolicy() != nil {
		return nil, errors.New("push: the subscription has a dead-letter policy, which counts attempts and forwards messages as they came")
	}
	d.target.topic, d.retention = found.GetTopic(), found.GetMessageRetentionDuration().AsDuration()
	d.run(context.WithoutCancel(ctx))
	return d, nil
}

func (d *Dispatcher) run(ctx context.Context) {
	pulling, stopPull := context.WithCancel(ctx)
	posting, cancelPost := context.WithCancel(ctx)
	d.stopPull, d.cancelPost = stopPull, cancelPost
	d.pull.Go(func() { d.pullLoop(pulling) })
	d.pull.Go(func() { d.leaseLoop(pulling) })
	d.acking.Go(func() { d.ackLoop(ctx) })
	for range d.policy.Concurrency {
		d.workers.Go(func() { d.work(pulling, posting) })
	}
}

func newDispatcher(c Config) *Dispatcher {
	p := c.Policy.withDefaults()
	return &Dispatcher{
		policy: p,
		target: target{
			url: c.URL, subscription: c.Subscription,
			cloudEvents: p.CloudEvents, token: p.Token,
		},
		subscriber: pubsubpb.NewSubscriberClient(c.Conn),
		client: &http.Client{
			Transport:     transport(p),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		ready: make(chan *delivery, 2*p.MaxOutstanding),
		acks:  make(chan string, p.MaxOutstanding),
		freed: make(chan struct{}, 1),
		held:  make(map[string]*delivery, p.MaxOutstanding),
	}
}

func transport(p Policy) http.RoundTripper {
	if p.Transport != nil {
		return p.Transport
	}
	return &http.Transport{
		MaxIdleConns: p.Concurrency, MaxIdleConnsPerHost: p.Concurrency, IdleConnTimeout: time.Minute, DialContext: p.Dial,
	}
}

// Stats returns the counts so far.
func (d *Dispatcher) Stats() Stats {
	return Stats{
		Posted: d.posted.Load(), Acked: d.acked.Load(), Failed: d.failed.Load(), Expired: d.expired.Load(),
		Dropped: d.dropped.Load(), Redelivered: d.redelivered.Load(), Republished: d.republished.Load(),
	}
}

// Outstanding returns how many messages are held now.
func (d *Dispatcher) Outstanding() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.held)
}

// Stop takes no new message, lets the requests in flight end until ctx does, sends the acknowledgements and gives the
// rest back to Pub/Sub for immediate redelivery.
func (d *Dispatcher) Stop(ctx context.Context) error {
	d.stopOnce.Do(func() { d.stopErr = d.stop(ctx) })
	return d.stopErr
}

func (d *Dispatcher) stop(ctx context.Context) error {
	d.stopPull()
	d.pull.Wait()
	cut := context.AfterFunc(ctx, d.cancelPost)
	d.workers.Wait()
	cut()
	d.cancelPost()
	close(d.acks)
	d.acking.Wait()
	d.client.CloseIdleConnections()
	return d.giveBack(context.WithoutCancel(ctx))
}

// giveBack nacks what is left, which no worker owns any more.
func (d *Dispatcher) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rpcTimeout)
	defer cancel()
	d.mu.Lock()
	ids := make([]string, 0, len(d.held))
	for _, v := range d.held {
		if v.timer != nil {
			v.timer.Stop()
		}
		if v.ackID != "" {
			ids = append(ids, v.ackID)
		}
	}
	clear(d.held)
	d.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	if err := d.modifyDeadline(ctx, ids, 0); err != nil {
		return fmt.Errorf("push: give back: %w", err)
	}
	return nil
}
