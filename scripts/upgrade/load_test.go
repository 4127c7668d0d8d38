package upgrade_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// The load is the same however fast the machine is: a payment begins at every beat, but not while so many are under way.
const (
	beat     = 15 * time.Millisecond
	underWay = 96
	askers   = 6
)

// load is payments, and what becomes of them, until it is stopped.
type load struct {
	t      *testing.T
	s      *system
	world  *world.World
	shop   *merchant
	kafka  *kgo.Client
	http   chan pix.EndToEndID
	stop   context.CancelFunc
	work   sync.WaitGroup
	follow sync.WaitGroup

	mu     sync.Mutex
	labels map[pix.EndToEndID]bool // payments that were reported
}

// newLoad begins the load.
func newLoad(t *testing.T, s *system, shop *merchant) *load {
	t.Helper()
	params := world.Params{Seed: 15, Accounts: 1200, Days: 40, Start: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -41)}
	kafka, err := kgo.NewClient(kgo.SeedBrokers(s.cloud.KafkaBrokers...), kgo.DefaultProduceTopic(event.KafkaTransactions),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	ctx, stop := context.WithCancel(t.Context())
	l := &load{
		t: t, s: s, world: world.New(params), shop: shop, kafka: kafka, http: make(chan pix.EndToEndID, underWay), stop: stop,
		labels: map[pix.EndToEndID]bool{},
	}
	l.work.Go(func() { defer close(l.http); l.pay(ctx) })
	for n := range askers {
		l.work.Go(func() {
			for id := range l.http {
				l.ask(id, n)
			}
		})
	}
	l.follow.Go(l.becomes)
	t.Cleanup(l.end)
	return l
}

// end stops the load. What is under way is still sent.
func (l *load) end() {
	l.stop()
	l.work.Wait()
}

// settle ends what follows decisions, once all are made.
func (l *load) settle() {
	close(l.s.ledger.fresh)
	l.follow.Wait()
}

// pay sends payments, one half through Kafka, the other over HTTP.
func (l *load) pay(ctx context.Context) {
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-beats.C:
		}
		if l.s.ledger.open() >= underWay {
			continue
		}
		e, ok := l.world.Next()
		if !ok {
			l.t.Error("the world has ended")
			return
		}
		p := live(&e.Submission)
		if n%8 < 2 && p.Payer.Account != l.shop.party.Account {
			p.Payee, p.PayeeFacts = l.shop.party, l.shop.facts
		}
		body, err := event.EncodeSubmissionJSON(p)
		if err != nil {
			l.t.Error(err)
			return
		}
		l.s.ledger.send(p.ID, body)
		if n%2 == 0 {
			l.http <- p.ID
			continue
		}
		l.kafka.Produce(context.WithoutCancel(ctx), &kgo.Record{Value: body}, func(_ *kgo.Record, err error) {
			if err != nil {
				l.t.Errorf("produce: %v", err)
			}
		})
	}
}

// live is a payment of the world as one of now, in the contract of the version before: a producer sends a new fact once every
// reader knows it, and no sooner.
func live(s *pix.Submission) *pix.Submission {
	p, id := *s, string(s.ID) // E, ISPB, minute, and what tells it apart
	p.EventTime = time.Now().UTC().Truncate(time.Millisecond)
	p.ID, p.ReceivedAt = pix.EndToEndID(id[:9]+p.EventTime.Format("200601021504")+id[21:]), time.Time{}
	p.DICT.FraudsRejected = pix.DICTCounter{}
	return &p
}

// ask asks for one decision until somebody gives it. A caller goes to another scorer when one fails or refuses.
func (l *load) ask(id pix.EndToEndID, n int) {
	l.s.ledger.mu.Lock()
	body := l.s.ledger.sent[id]
	l.s.ledger.mu.Unlock()
	for end := time.Now().Add(patience); time.Now().Before(end); n++ {
		if url := l.s.ledger.scorer(n); url != "" {
			if status, answer := post(url, body); status == http.StatusOK && !bytes.Contains(answer, []byte(`"provisional":true`)) {
				l.s.ledger.answered(url)
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	l.t.Errorf("nobody decided %s", id)
}

// post asks a scorer for a decision. A status of zero is none.
func post(url string, body []byte) (int, []byte) {
	client := http.Client{Timeout: time.Minute}
	response, err := client.Post(url+"/v1/decisions?view=full", "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	return response.StatusCode, answer
}

// becomes tells of decided payments how they ended, and of some that they were frauds, each twice.
func (l *load) becomes() {
	n := 0
	for d := range l.s.ledger.fresh {
		n++
		tx := &d.Transaction
		if n%2 == 0 {
			state := pix.Status{ID: tx.ID, EventTime: tx.EventTime, State: pix.Settled, OccurredAt: tx.EventTime.Add(time.Millisecond)}
			if n%8 == 0 {
				state.State, state.ReturnID, state.Returned = pix.Returned, fmt.Sprintf("D99000001202601010000%011d", n), tx.Amount/2+1
			}
			l.tell(event.TopicTransactions, func() (event.Envelope, error) { return event.EncodeStatus(&state) })
		}
		if n%5 == 0 {
			l.mu.Lock()
			l.labels[tx.ID] = true
			l.mu.Unlock()
			label := pix.Label{ID: tx.ID, EventTime: tx.EventTime, ArrivedAt: time.Now().UTC(), Fraud: n%10 == 0, Source: "MED", Amount: tx.Amount}
			l.tell(event.TopicLabels, func() (event.Envelope, error) { return event.EncodeLabel(&label) })
		}
	}
}

func (l *load) tell(topic string, encode func() (event.Envelope, error)) {
	e, err := encode()
	for range 2 {
		if err == nil {
			err = l.s.bus.Publish(context.WithoutCancel(l.t.Context()), topic, e)
		}
	}
	if err != nil {
		l.t.Errorf("tell: %v", err)
	}
}

// reported is how many payments were reported.
func (l *load) reported() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.labels)
}
