package event_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// TestTopicsFile writes topics.json, which Terraform reads: a map of topics by name, of maps of subscriptions by name, so
// that both are a for_each.
func TestTopicsFile(t *testing.T) {
	t.Parallel()
	type subscription struct {
		Function    string `json:"function,omitempty"` // a pull subscription has none
		PushPath    string `json:"push_path,omitempty"`
		Filter      string `json:"filter,omitempty"`
		AckDeadline int    `json:"ack_deadline_seconds"`
		Retention   string `json:"message_retention_duration"`
		DeadLetters string `json:"dead_letters,omitempty"`
	}
	type topic struct {
		Doc           string                  `json:"description"`
		Schemas       []string                `json:"schemas"`
		Publishers    []string                `json:"publishers"`
		Subscriptions map[string]subscription `json:"subscriptions"`
	}
	all := map[string]topic{}
	for _, from := range event.Topics() {
		to := topic{Doc: from.Doc, Schemas: from.Schemas, Publishers: from.Publishers, Subscriptions: map[string]subscription{}}
		if to.Schemas == nil {
			to.Schemas = []string{}
		}
		for _, s := range from.Subscriptions {
			out := subscription{
				Function: s.Function, Filter: s.Filter, DeadLetters: s.DeadLetters,
				AckDeadline: int(s.AckDeadline / time.Second), Retention: fmt.Sprintf("%ds", s.Retention/time.Second),
			}
			if s.Function != "" {
				out.PushPath = event.PushPath
			}
			to.Subscriptions[s.Name] = out
		}
		all[from.Name] = to
	}
	var text strings.Builder
	w := json.NewEncoder(&text)
	w.SetIndent("", "  ")
	w.SetEscapeHTML(false)
	if err := w.Encode(all); err != nil {
		t.Fatal(err)
	}
	holdFile(t, "topics.json", []byte(text.String()), "")
}

// TestTopicsAreSound: every message type has one topic, every name is given once, and what a reader may do in time fits.
func TestTopicsAreSound(t *testing.T) {
	t.Parallel()
	names, topics, carried := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, topic := range event.Topics() {
		topics[topic.Name] = true
	}
	for _, topic := range event.Topics() {
		if len(topic.Publishers) == 0 || !strings.HasSuffix(topic.Doc, ".") {
			t.Errorf("%s: who publishes to it, and what is it?", topic.Name)
		}
		for _, schema := range topic.Schemas {
			if before := carried[schema]; before != "" {
				t.Errorf("%s and %s both carry %s", before, topic.Name, schema)
			}
			carried[schema] = topic.Name
		}
		for _, s := range topic.Subscriptions {
			if names[s.Name] {
				t.Errorf("the subscription %s is given twice", s.Name)
			}
			names[s.Name] = true
			if s.Function != "" && s.DeadLetters == "" || s.DeadLetters != "" && !topics[s.DeadLetters] {
				t.Errorf("%s: what it can never handle would disappear", s.Name)
			}
			if s.AckDeadline < 30*time.Second || s.AckDeadline > 10*time.Minute || s.Retention > 7*24*time.Hour {
				t.Errorf("%s: the deadline must be above HANDLE_TIMEOUT and the time of a dead letter, and within Pub/Sub's bounds", s.Name)
			}
		}
	}
	for _, schema := range []string{
		event.SchemaTransaction, event.SchemaStatus, event.SchemaDecision, event.SchemaAlert, event.SchemaLabel, event.SchemaExportTick,
	} {
		if event.TopicOf(schema) != carried[schema] || carried[schema] == "" {
			t.Errorf("no topic carries %s", schema)
		}
	}
	if got := event.TopicOf(event.SchemaStatus); got != event.TopicTransactions { // the score function reads both
		t.Errorf("statuses go to %q", got)
	}
	if event.TopicOf("pix.v1.Later") != "" || !slices.ContainsFunc(event.Topics(), func(t event.Topic) bool { return t.Name == event.TopicDeadLetter }) {
		t.Error("a type that no topic carries, or no topic of dead letters")
	}
}
