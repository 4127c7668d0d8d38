package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serving is what decides in these tests.
func serving() live.Serving {
	return live.Serving{
		Models: []live.Model{
			{Role: pix.PayerRole, Version: "6"}, {Role: pix.ReceiverRole, Version: "7"}, {Role: pix.PayerRole, Version: "8", Challenger: true},
		},
		Policy:     "pix-2026.11.9@f300e2e46024",
		Thresholds: map[string]float64{"payer_review": 0.0025, "payer_reject": 0.4, "receiver_block": 0.0021},
	}
}

// decision is one with a probability of fraud; a negative one is none.
func decision(n int, outcome pix.Outcome, amount pix.Money, probability float64) *pix.Decision {
	d := &pix.Decision{
		Transaction: pix.Transaction{Facts: pix.Facts{
			ID: pix.EndToEndID(fmt.Sprintf("E12345678202611301430%011d", n)), Amount: amount, Direction: pix.Outbound,
		}},
		Outcome: outcome, PolicyVersion: serving().Policy, DecidedAt: time.Date(2026, 11, 30, 17, 30, 0, 0, time.UTC),
	}
	if probability >= 0 {
		d.Scores = []pix.Score{{Role: pix.PayerRole, Version: "6", Probability: probability}}
	}
	if outcome != pix.Approve {
		d.Reasons = []pix.Reason{{Code: "r", TextPT: "O pagador nunca pagou a este recebedor.", TextEN: "The payer never paid this payee."}}
	}
	return d
}

func seen(d *pix.Decision) live.Seen { return live.Seen{Decision: d, Took: 2 * time.Millisecond} }

// pipes is a listener in memory, so that a test's clock is the only one.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours, nil
}

// desk is a feed, served, and who looks at it.
type desk struct {
	t      *testing.T
	feed   *live.Feed
	server *http.Server
	client *http.Client
}

func newDesk(t *testing.T, around live.Around, server *http.Server) *desk {
	t.Helper()
	d := &desk{t: t, feed: live.NewFeed(serving, nil), server: server}
	handler, err := d.feed.Handler(around)
	if err != nil {
		t.Fatal(err)
	}
	listener := newPipes()
	d.server.Handler = handler
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = d.server.Serve(listener)
	}()
	transport := &http.Transport{DialContext: listener.dial}
	d.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		d.feed.Close()
		_ = d.server.Close()
		<-done
	})
	return d
}

func (d *desk) get(path string, headers ...string) *http.Response {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://live"+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := d.client.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	return response
}

// stream is one reader.
type stream struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Reader
	id       string // the newest
}

func (d *desk) read(lastID string) *stream {
	d.t.Helper()
	headers := []string{"Accept", "text/event-stream"}
	if lastID != "" {
		headers = append(headers, "Last-Event-ID", lastID)
	}
	response := d.get("/live/events", headers...)
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		d.t.Fatalf("status %d", response.StatusCode)
	}
	return &stream{t: d.t, response: response, lines: bufio.NewReader(response.Body)}
}

func (s *stream) close() { _ = s.response.Body.Close() }

// event returns the next event; io's error when the stream has ended.
func (s *stream) event() (name, data string, err error) {
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return "", "", err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case field == "event":
			name = value
		case field == "id":
			s.id = value
		case field == "data":
			data = value
		case field == "" && name != "":
			return name, data, nil
		}
	}
}

// next reads on to the next event of a name.
func (s *stream) next(name string, into any) {
	s.t.Helper()
	for range 1000 { // a stream goes on for ever
		got, data, err := s.event()
		if err != nil {
			s.t.Fatalf("the stream ended before %s: %v", name, err)
		}
		if got == name {
			if err := json.Unmarshal([]byte(data), into); err != nil {
				s.t.Fatal(err)
			}
			return
		}
	}
	s.t.Fatalf("no event %s", name)
}

// shown is a decision as a reader gets it.
type shown struct {
	ID       string
	Outcome  string
	Amount   map[string]string
	Expected map[string]string
	Chance   map[string]string
	Until    int64
	Reasons  []map[string]string
	Rules    []struct{ ID string }
	Scores   []struct {
		Role, Version, Outcome string
		Challenger             bool
		Limits                 []struct {
			Name    string
			Reached bool
		}
	}
}

func ids(list []shown) (out []string) {
	for _, s := range list {
		out = append(out, s.ID[len(s.ID)-4:])
	}
	return out
}

// numbers is the part of a state that tests look at.
type numbers struct {
	Rate        float64
	Given       int
	Standing    int
	Each        []int
	P50         int64 `json:"p50_us"`
	P99         int64 `json:"p99_us"`
	Outcomes    map[string]int
	Stopped     map[string]string
	AtRisk      map[string]string `json:"at_risk"`
	StoppedLoss map[string]string `json:"stopped_loss"`
	Alerts      int
	Models      []map[string]any
	Policy      string
	Pipeline    []live.Step
	Faults      []struct {
		Own    bool
		Name   string
		Text   map[string]string
		Detail string
	}
}
