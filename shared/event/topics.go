package event

import (
	"slices"
	"time"
)

// Topic is a topic of Pub/Sub as everybody needs it: whoever publishes or reads, the demo that makes it, and Terraform
// through topics.json. Its name is a default; a deployment may configure another.
type Topic struct {
	Name          string
	Doc           string
	Schemas       []string // types of its messages; empty where they are of any
	Publishers    []string
	Subscriptions []Subscription
}

// Subscription is one reader of a topic. It has no dead-letter policy and no order: see ADR 1 and 2.
type Subscription struct {
	Name        string        // of the subscription
	Function    string        // FUNCTION_TARGET of the function that it is pushed to; empty is a pull subscription
	Filter      string        // over attributes; empty delivers everything
	AckDeadline time.Duration // above the reader's own bound of one message and what a dead letter may take
	Retention   time.Duration // how long Pub/Sub keeps what is not acknowledged
	DeadLetters string        // topic to which the reader itself sends what can never be handled; empty: nowhere
}

// PushPath is where a function takes the pushes of its subscription.
const PushPath = "/push"

// AlertFilter is the filter of the alerts' reader: approvals need no alert, and of 100,000 decisions all but a few hundred
// are approvals. A decision without the attribute is delivered, and judged there.
const AlertFilter = "NOT attributes." + AttrOutcome + ` = "APPROVE"`

const (
	ackDeadline        = time.Minute
	longestAckDeadline = 10 * time.Minute
	retention          = 7 * 24 * time.Hour // the longest
)

// Topics is the table of topics and of who reads them.
func Topics() []Topic {
	return []Topic{
		{
			Name: TopicTransactions, Doc: "Payments before they settle, and how they ended.",
			Schemas: []string{SchemaTransaction, SchemaStatus}, Publishers: []string{"kafka-bridge", "core banking"},
			Subscriptions: []Subscription{pushed("score", "")},
		},
		{
			Name: TopicDecisions, Doc: "Every decision.",
			Schemas: []string{SchemaDecision}, Publishers: []string{"score"},
			Subscriptions: []Subscription{pushed("audit", ""), pushed("alert", AlertFilter)},
		},
		{
			Name: TopicAlerts, Doc: "Decisions that are no approval, for the fraud desk's tools.",
			Schemas: []string{SchemaAlert}, Publishers: []string{"alert"},
		},
		{
			Name: TopicLabels, Doc: "What became known of payments afterwards.",
			Schemas: []string{SchemaLabel}, Publishers: []string{"fraud desk", "MED"},
			Subscriptions: []Subscription{pushed("label", "")},
		},
		{
			Name: TopicExports, Doc: "Ticks at which what was written since the last one goes to the lake.",
			Schemas: []string{SchemaExportTick}, Publishers: []string{"scheduler"},
			Subscriptions: []Subscription{slow(pushed("export", ""))},
		},
		{
			Name: TopicDeadLetter, Doc: "What can never be handled, with the reason as attributes.",
			Publishers:    []string{"kafka-bridge", "score", "audit", "alert", "label", "export"},
			Subscriptions: []Subscription{{Name: SubscriptionDesk, AckDeadline: ackDeadline, Retention: retention}},
		},
	}
}

// pushed is the subscription that triggers a function.
func pushed(function, filter string) Subscription {
	return Subscription{
		Name: function, Function: function, Filter: filter, AckDeadline: ackDeadline, Retention: retention, DeadLetters: TopicDeadLetter,
	}
}

// slow gives a function the longest time that Pub/Sub waits for an acknowledgement.
func slow(s Subscription) Subscription {
	s.AckDeadline = longestAckDeadline
	return s
}

// TopicOf is the topic that carries messages of a type, empty for a type that none carries.
func TopicOf(schema string) string {
	for _, t := range Topics() {
		if slices.Contains(t.Schemas, schema) {
			return t.Name
		}
	}
	return ""
}
