package stack_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestTheLivePageOfTheDemo shows what came of the decisions down to the warehouse, names nobody, and holds up no stop.
func TestTheLivePageOfTheDemo(t *testing.T) {
	t.Parallel()
	s, err := stack.Start(t.Context(), stack.Options{Warehouse: bq.Start, Policy: eagerPolicy(t)})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() error { stopped = true; return s.Stop(context.WithoutCancel(t.Context())) }
	defer func() {
		if !stopped {
			_ = stop()
		}
	}()
	if !slices.Contains(s.Env(), "LIVE_URL="+s.LiveURL) {
		t.Errorf("the page is not among the endpoints: %v", s.Env())
	}
	payments := simulate(t, world.Params{Seed: 5, Accounts: 300, Days: 2, FraudBoost: 400}, 8)
	kafka := newProducer(t, s)
	kafka.client.Produce(t.Context(), &kgo.Record{Value: []byte(`{"endToEndId":"no"}`)}, nil)
	var sent []*pix.Transaction
	for _, sub := range payments {
		kafka.send(t, sub)
		sent = append(sent, &pix.Transaction{Facts: sub.Facts})
	}
	alerts := 0
	for _, d := range decisionsOf(t, s, sent) {
		if d.Outcome != pix.Approve {
			alerts++
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.LiveURL+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 4<<20)
	want := map[string]float64{"audited": 8, "alerted": float64(alerts), "alerts": float64(alerts), "dead_letters": 1}
	await(t, "everything on the page", func() bool {
		got := map[string]float64{}
		for lines.Scan() {
			var state struct {
				Pipeline []live.Step
				Alerts   int
			}
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok || json.Unmarshal([]byte(data), &state) != nil || len(state.Pipeline) == 0 {
				continue
			}
			for _, step := range state.Pipeline {
				got[step.Name] = step.Count
			}
			got["alerts"] = float64(state.Alerts) // of payments of the past, which are all that a demo has
			break
		}
		for name, n := range want {
			if got[name] != n {
				return false
			}
		}
		return true
	})
	if err := stop(); err != nil { // with the stream open
		t.Errorf("stop: %v", err)
	}
}
