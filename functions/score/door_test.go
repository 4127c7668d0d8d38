package score_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// asProto is a payment of JSON in the other encoding.
func asProto(t *testing.T, data []byte) []byte {
	t.Helper()
	var m pixv1.Transaction
	if err := protojson.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	out, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDoorsAreStrict: a payment whose field is spelt wrongly is never decided, pushed or over HTTP; nor is one
// of tokens that comes over HTTP; a value that DICT has
// added is decided and counted by its field.
func TestDoorsAreStrict(t *testing.T) {
	t.Parallel()
	f := &fake{stands: map[pix.EndToEndID]*pix.Decision{}}
	registry := prometheus.NewRegistry()
	d := score.Deps{Engine: f, Outbox: f, Marker: f, Tokenizer: tokenizer(t), Clock: clock, Callers: pushtest.OpenGate{}}
	d.Push.Gate = pushtest.OpenGate{}
	d.Push.Logger = slog.New(slog.DiscardHandler)
	d.Push.DeadLetters, d.Push.DeadLetterTopic, d.Push.Metrics = f, "dlq", registry
	s, err := score.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })

	misspelt := bytes.Replace(payment(t), []byte(`"remoteAccess"`), []byte(`"remoteAcess"`), 1)
	if w := post(t, s, "/v1/decisions", "application/json", misspelt); w.Code != http.StatusBadRequest ||
		!strings.Contains(w.Body.String(), "did you mean remoteAccess?") {
		t.Errorf("over HTTP: %d %s", w.Code, w.Body)
	}
	tx, err := event.DecodeTransaction(event.Envelope{Data: payment(t)}, tokenizer(t), clock())
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	if w := post(t, s, "/v1/decisions", "application/x-protobuf", tokens.Data); w.Code != http.StatusBadRequest ||
		!strings.Contains(w.Body.String(), `"payer.accountToken"`) {
		t.Errorf("tokens over HTTP: %d %s", w.Code, w.Body)
	}
	post(t, s, "/", "application/json", pushed(misspelt, 0))
	if len(f.letters) != 1 || len(f.stands) > 0 {
		t.Errorf("pushed: %d letters, %d decisions", len(f.letters), len(f.stands))
	}
	grown := bytes.Replace(payment(t), []byte("ACCOUNT_TYPE_CACC"), []byte("ACCOUNT_TYPE_WALLET"), 1)
	if w := post(t, s, "/v1/decisions", "application/json", grown); w.Code != http.StatusOK {
		t.Errorf("a new type of account: %d %s", w.Code, w.Body)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, family := range families {
		if family.GetName() == "pix_unknown_values_total" {
			for _, m := range family.GetMetric() {
				counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if len(counted) != 1 || counted["payer.accountType"] != 1 {
		t.Errorf("counted %v", counted)
	}
}
