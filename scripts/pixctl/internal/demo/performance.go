package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/scripts/internal/openloop"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// demoFraudBoost makes fraud frequent enough to be seen in a few thousand payments. The true rate is 7 in 100,000.
const demoFraudBoost = 150

// Bounds of the demo.
const (
	askWorkers   = 64               // requests to the scorer under way
	twiceEvery   = 100              // every such record goes to Kafka twice
	stalledAfter = 60 * time.Second // without any progress, what is missing counts as lost; a sweep comes within 50 s
	maxBuffered  = 5_000            // records in the producer
	maxAhead     = 2_000            // payments sent and not yet decided: as fast as the pipeline takes them, and no faster
	askAgain     = 200 * time.Millisecond
)

// performance is one run: the payments in, and what is needed to compare at the end.
type performance struct {
	show    *show
	stack   *stack.Stack
	options options

	since, until time.Time // event time of what was sent
	latency      *hdrhistogram.Histogram
	streamed     int
	streamTook   time.Duration
	auditRows    int
	auditedTwice int
	alerts       int
	exported     map[string]int64 // rows in the lake, by table
	labels       []pix.Label
	made         atomic.Int64 // payments that the world has given
}

// payment is one payment on its way in.
type payment struct {
	id   pix.EndToEndID
	json []byte
}

// perform sends everything, waits until everything is accounted for, and sums up.
func (p *performance) perform(ctx context.Context) (*summary, error) {
	if err := p.send(ctx, world.New(p.world())); err != nil {
		return nil, err
	}
	if err := p.watched(ctx, "publish labels", p.label); err != nil {
		return nil, err
	}
	if err := p.count(ctx); err != nil {
		return nil, fmt.Errorf("count audit rows: %w", err)
	}
	if err := p.export(ctx); err != nil {
		return nil, err
	}
	return p.sum(), nil
}

// send sends the payments, a tenth of them to the scorer and the rest through Kafka, until all are decided.
func (p *performance) send(ctx context.Context, w *world.World) error {
	asked := p.options.payments / 10
	ask := func(ctx context.Context) error { return p.ask(ctx, w, asked) }
	stream := func(ctx context.Context) error { return p.stream(ctx, w, p.options.payments-asked) }
	if err := p.watched(ctx, "ask the scorer", ask); err != nil {
		return err
	}
	return p.watched(ctx, "stream through Kafka", stream)
}

// world sizes a world in which at least the payments asked for happen within the days before today.
func (p *performance) world() world.Params {
	params := world.LastWeek(p.options.seed, p.options.payments, time.Now())
	params.FraudBoost = demoFraudBoost
	return params
}

// next takes the world's next payment and notes what will become known of it.
func (p *performance) next(w *world.World) (payment, error) {
	e, ok := w.Next()
	if !ok {
		return payment{}, errors.New("the simulated week is over: fewer payments than asked for")
	}
	if p.since.IsZero() {
		p.since = e.Submission.EventTime
	}
	p.until = e.Submission.EventTime
	p.labels = append(p.labels, e.Labels()...)
	p.made.Add(1)
	data, err := event.EncodeSubmissionJSON(&e.Submission)
	if err != nil {
		return payment{}, fmt.Errorf("encode payment: %w", err)
	}
	return payment{e.Submission.ID, data}, nil
}

// generate takes n payments before the clock starts: the generator is not what is measured. A payment is 1.5 KB.
func (p *performance) generate(ctx context.Context, w *world.World, n int) ([]payment, error) {
	payments := make([]payment, n)
	for i := range payments {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		var err error
		if payments[i], err = p.next(w); err != nil {
			return nil, err
		}
	}
	return payments, nil
}

// ask sends payments to the scorer over HTTP on a fixed schedule, as an authorisation path does.
func (p *performance) ask(ctx context.Context, w *world.World, n int) error {
	p.show.line("the authorisation path: %d payments over HTTP, %.0f a second", n, p.options.askRate)
	payments, err := p.generate(ctx, w, n)
	if err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: askWorkers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	scorer := asking{client, p.stack.ScorerURL + "/v1/decisions"}
	return p.schedule(ctx, n, func(ctx context.Context, i int) error {
		p.show.ledger.send(payments[i].id)
		return scorer.decide(ctx, payments[i].json)
	})
}

// schedule makes n calls at the rate that was asked for. The first error ends it.
func (p *performance) schedule(ctx context.Context, n int, call func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	loop := openloop.Loop{Rate: p.options.askRate, Calls: n, InFlight: askWorkers, Queue: true}
	loop.Call = func(_ context.Context, i int) string { // this ctx ends with the first error
		if err := call(ctx, i); err != nil {
			cancel(fmt.Errorf("call %d: %w", i, err))
			return "failed"
		}
		return ""
	}
	p.latency = loop.Run(ctx).Latency
	return context.Cause(ctx) //nolint:wrapcheck // ended by a call's own error, or by whoever cancelled us
}

// asking is how the authorisation path asks the scorer.
type asking struct {
	client *http.Client
	url    string
}

// decide asks until there is a decision that stands: a provisional answer, and a scorer that has too much to do, want to
// be asked again. Whoever waits for it bounds it.
func (a asking) decide(ctx context.Context, body []byte) error {
	for {
		again, err := a.once(ctx, body)
		if err != nil || !again {
			return err
		}
		if err := wait(ctx, askAgain); err != nil {
			return err
		}
	}
}

// once asks once and reports whether to ask again.
func (a asking) once(ctx context.Context, body []byte) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("new request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(score.ReplayHeader, event.ReplayTrue) // of a week that is over
	response, err := a.client.Do(request)
	if err != nil {
		return false, fmt.Errorf("post: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return false, fmt.Errorf("read answer: %w", err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		var d struct{ Provisional bool }
		if err := json.Unmarshal(answer, &d); err != nil {
			return false, fmt.Errorf("decode answer: %w", err)
		}
		return d.Provisional, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true, nil
	default:
		return false, fmt.Errorf("the scorer answered %s: %s", response.Status, answer)
	}
}

// stream produces payments to Kafka as core banking does, some of them twice, and waits until all are decided.
func (p *performance) stream(ctx context.Context, w *world.World, n int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(p.stack.Cloud.KafkaBrokers...), kgo.DefaultProduceTopic(stack.KafkaTopic),
		kgo.MaxBufferedRecords(maxBuffered), kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	defer client.Close()
	payments, err := p.generate(ctx, w, n)
	if err != nil {
		return err
	}
	p.show.line("the stream: %d payments through Kafka, one in %d of them twice, and %d invalid records", n, twiceEvery, p.options.invalid)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	acknowledged := func(_ *kgo.Record, err error) {
		if err != nil {
			cancel(fmt.Errorf("produce: %w", err))
		}
	}
	for i := range p.options.invalid {
		client.Produce(ctx, &kgo.Record{Value: []byte(`{"endToEndId":"E-not-an-id-` + strconv.Itoa(i) + `"}`)}, acknowledged)
	}
	start := time.Now()
	for i, pay := range payments {
		if err := p.pace(ctx, start, i); err != nil {
			return err
		}
		p.show.ledger.send(pay.id)
		for range 1 + boolToInt(i%twiceEvery == 0) {
			client.Produce(ctx, &kgo.Record{Key: []byte(pay.id), Value: pay.json}, acknowledged)
		}
	}
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", errors.Join(err, context.Cause(ctx)))
	}
	err = p.drain(ctx)
	p.streamed, p.streamTook = n, p.show.lastDecision().Sub(start)
	return err
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pace waits until record i is due when a rate was asked for, else until the pipeline has room.
func (p *performance) pace(ctx context.Context, start time.Time, i int) error {
	if p.options.rate > 0 {
		due := start.Add(time.Duration(float64(i) / p.options.rate * float64(time.Second)))
		return wait(ctx, time.Until(due))
	}
	for {
		sent, decided, _ := p.show.ledger.progress()
		if sent-decided < maxAhead {
			return ended(ctx)
		}
		if err := wait(ctx, 2*time.Millisecond); err != nil {
			return err
		}
	}
}

// wait sleeps unless ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ended(ctx)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// ended is why a context ended, nil while it has not.
func ended(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	return nil
}
