package score_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/eventtest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// mediaOf is the media type that a caller would send a document as, empty when none says what its attributes say.
func mediaOf(e event.Envelope) string {
	switch {
	case e.Attributes[event.AttrSchema] != "":
		return ""
	case e.Attributes[event.AttrEncoding] == event.EncodingProto:
		return "application/x-protobuf"
	case e.Attributes[event.AttrEncoding] != "":
		return "application/" + e.Attributes[event.AttrEncoding]
	default:
		return "application/json"
	}
}

// TestEveryRefusedPaymentIsToldWhy sends every refused document over HTTP: the answer is a problem with a reason for each
// thing that has to be mended, and neither it nor the log holds anything of the document.
func TestEveryRefusedPaymentIsToldWhy(t *testing.T) {
	t.Parallel()
	f, log := &fake{stands: map[pix.EndToEndID]*pix.Decision{}}, new(bytes.Buffer)
	d := score.Deps{Engine: f, Outbox: f, Marker: f, Tokenizer: tokenizer(t), Clock: clock, Callers: pushtest.OpenGate{}}
	d.Push.Gate = pushtest.OpenGate{}
	d.Push.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey { // its digits may be anybody's
			return slog.Attr{}
		}
		return a
	}}))
	d.Push.DeadLetters, d.Push.DeadLetterTopic = f, "dlq"
	s, err := score.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	documents, sent, told := eventtest.Refused(t), 0, 0
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		document := documents[name]
		media := mediaOf(document)
		if media == "" {
			continue
		}
		log.Reset()
		w := post(t, s, "/v1/decisions", media, document.Data)
		var answer struct {
			Status       int
			Kind, Detail string
			Errors       []struct{ Field, Reason string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		reasons := len(answer.Errors) > 0 || w.Code == http.StatusUnsupportedMediaType // whose detail is the reason
		for _, e := range answer.Errors {
			reasons = reasons && e.Reason != ""
		}
		if w.Header().Get("Content-Type") != "application/problem+json" || w.Code/100 != 4 || answer.Status != w.Code ||
			answer.Kind == "" || answer.Detail == "" || !reasons {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		} else {
			told++
		}
		for _, value := range eventtest.Values(document.Data) {
			if strings.Contains(w.Body.String(), value) || strings.Contains(log.String(), value) {
				t.Errorf("%s: the answer or the log holds %q: %s %s", name, value, w.Body, log)
			}
		}
		sent++
	}
	if sent < 61 || len(f.stands) > 0 {
		t.Errorf("%d documents, %d decided", sent, len(f.stands))
	}
	t.Logf("%d of %d refused payments were told what to mend", told, sent)
	if w := post(t, s, "/v1/decisions", "application/json", []byte(eventtest.Honest)); w.Code != http.StatusOK {
		t.Errorf("the document that is spoilt is refused itself: %d %s", w.Code, w.Body)
	}
}
