package score_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/functions/live"
)

// TestTheLivePage: what is decided is shown with what decided it, every condition of the process has words, and closing the
// process ends the streams.
func TestTheLivePage(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	conditions := r.Conditions()
	for i := range conditions {
		conditions[i].Check = func() error { return errors.New("away") }
	}
	handler, err := r.Live(live.Around{Conditions: conditions})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/live/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	event := func(name string, into any) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() != "event: "+name {
				continue
			}
			for lines.Scan() {
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					if err := json.Unmarshal([]byte(data), into); err != nil {
						t.Fatal(err)
					}
					return
				}
			}
		}
		t.Fatalf("no %s: %v", name, lines.Err())
	}
	decided := r.decide(t)
	var list []struct {
		ID, Outcome, Policy string
		Scores              []struct {
			Role, Version string
			Limits        []any
		}
	}
	event("decisions", &list)
	if len(list) != 1 || !strings.HasSuffix(decided.Outcome, list[0].Outcome) || list[0].Policy != r.Policy().Version() {
		t.Fatalf("shown %+v, decided %+v", list, decided)
	}
	if s := list[0].Scores; len(s) == 0 || s[0].Version == "" || len(s[0].Limits) == 0 {
		t.Errorf("scores without thresholds: %+v", s)
	}
	var state struct {
		Models []struct{ Role, Version string }
		Policy string
		Faults []struct {
			Name string
			Text struct{ EN string }
		}
	}
	event("state", &state)
	if len(state.Models) < 2 || state.Policy != r.Policy().Version() {
		t.Errorf("in use: %+v", state)
	}
	if len(state.Faults) < len(conditions) {
		t.Errorf("%d conditions fail, %d faults are told", len(conditions), len(state.Faults))
	}
	for _, f := range state.Faults {
		if strings.HasPrefix(f.Text.EN, "Something of this process fails") {
			t.Errorf("the page has no words for the condition %s", f.Name)
		}
	}
	r.EndLive()
	for lines.Scan() { // ends, or the test does not
	}
}
