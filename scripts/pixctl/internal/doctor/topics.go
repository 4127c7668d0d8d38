package doctor

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// mender gives the commands that mend one subscription.
type mender struct{ terraform, gcloud string }

const pubsubAPI = "pubsub.googleapis.com"

// openBus connects to Pub/Sub. The client opens no connection before it is asked something.
func (m *machine) openBus(ctx context.Context) (b *bus.Bus, stop func(), err error) {
	options, err := m.options(pubsubEmulator)
	if err != nil {
		return nil, nil, err
	}
	b, err = bus.Open(ctx, bus.Config{ProjectID: m.project}, options...)
	if err != nil {
		return nil, nil, err
	}
	return b, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		_ = b.Close(ctx)
	}, nil
}

// topics compares topics and subscriptions with the table that the code declares.
func topics(ctx context.Context, m *machine) []finding {
	if m.project == "" {
		return nil
	}
	b, stop, err := m.openBus(ctx)
	if err != nil {
		return []finding{m.failed("topics", "", pubsubAPI, err)}
	}
	defer stop()
	var list []question
	for _, t := range event.Topics() {
		check := "topic " + t.Name
		list = append(list, question{check, func(ctx context.Context) []finding {
			if err := b.LookTopic(ctx, t.Name); err != nil {
				return []finding{m.failed(check, m.terraform(pubsubModule), pubsubAPI, err)}
			}
			return []finding{ok(check, "exists")}
		}})
		for _, s := range t.Subscriptions {
			list = append(list, question{"subscription " + s.Name, func(ctx context.Context) []finding {
				return m.lookSubscription(ctx, b, t, s)
			}})
		}
	}
	return m.ask(ctx, list)
}

func (m *machine) lookSubscription(ctx context.Context, b *bus.Bus, t event.Topic, s event.Subscription) []finding {
	check := "subscription " + s.Name
	found, err := b.LookSubscription(ctx, s.Name)
	if err != nil {
		return []finding{m.failed(check, m.terraform(pubsubModule), pubsubAPI, err)}
	}
	c := comparison{
		check: check, want: s, found: found, emulated: m.emulated(pubsubEmulator), timeouts: m.timeouts(s),
		topic: fmt.Sprintf("projects/%s/topics/%s", m.project, t.Name),
		mend: mender{
			terraform: m.terraform(pubsubModule),
			gcloud:    fmt.Sprintf("gcloud pubsub subscriptions update %s --project %s ", s.Name, m.project),
		},
	}
	list := append(c.delivery(), c.times()...)
	list = append(list, c.push()...)
	for _, f := range list {
		if f.Verdict != verdictUnknown {
			return list
		}
	}
	return append([]finding{ok(check, "is as declared: %s to acknowledge, kept for %s", span(found.AckDeadline), span(found.Retention))}, list...)
}

// timeouts are the processes' own bounds that a subscription must leave room for, as far as the environment sets them: what
// is declared leaves room for their defaults.
type timeouts struct{ handle, age time.Duration }

// deadLetterTime is what a function takes at most to publish a dead letter, after HANDLE_TIMEOUT.
const deadLetterTime = 10 * time.Second

func (m *machine) timeouts(s event.Subscription) (t timeouts) {
	handle := m.getenv("HANDLE_TIMEOUT")
	if s.Function == exportFunction {
		handle = m.getenv("EXPORT_TIMEOUT")
	}
	if d, err := time.ParseDuration(handle); err == nil && s.Function != "" {
		t.handle = d + deadLetterTime
	}
	if d, err := time.ParseDuration(m.getenv("MAX_MESSAGE_AGE")); err == nil && s.Function != "" {
		t.age = d
	}
	return t
}

const exportFunction = "export"

// comparison holds one subscription against its declaration.
type comparison struct {
	check    string
	want     event.Subscription
	found    bus.SubscriptionState
	topic    string
	emulated bool
	timeouts timeouts
	mend     mender
}

// delivery is which messages come at all.
func (c *comparison) delivery() (list []finding) {
	if c.found.Topic != c.topic {
		list = append(list, wrong(c.check+" topic", c.mend.terraform, "it reads %s; to change that replaces it, with what waits in it", c.found.Topic))
	}
	if c.found.Detached {
		list = append(list, wrong(c.check+" detached", c.mend.terraform+" -replace=ADDRESS, as terraform state list names it", "it is detached from its topic: nothing comes any more"))
	}
	if c.found.Filter != c.want.Filter {
		list = append(list, wrong(c.check+" filter", c.mend.terraform, "its filter is %q, not %q; to change that replaces it, with what waits in it", c.found.Filter, c.want.Filter))
	}
	if c.found.DeadLetterPolicy {
		list = append(list, wrong(c.check+" dead letters", c.mend.gcloud+"--clear-dead-letter-policy",
			"Pub/Sub's own dead-letter policy is set: it forwards messages without a reason, and after five attempts"))
	}
	if c.found.Ordered {
		list = append(list, wrong(c.check+" order", c.mend.terraform, "it keeps an order that nobody publishes, and waits for it; to change that replaces it"))
	}
	return list
}

// times is how long messages are waited for.
func (c *comparison) times() (list []finding) {
	if least := max(c.want.AckDeadline, c.timeouts.handle); c.found.AckDeadline < least {
		list = append(list, wrong(c.check+" deadline", fmt.Sprintf("%s--ack-deadline=%d", c.mend.gcloud, int(least.Seconds())),
			"a message comes again after %s, while its reader may still be at it until %s", span(c.found.AckDeadline), span(least)))
	}
	if c.found.Retention < c.want.Retention || c.found.Retention <= c.timeouts.age {
		list = append(list, wrong(c.check+" retention", fmt.Sprintf("%s--message-retention-duration=%ds", c.mend.gcloud, int(c.want.Retention.Seconds())),
			"a message is dropped after %s, not %s: before its reader gives up on it", span(c.found.Retention), span(c.want.Retention)))
	}
	if c.found.Expiration > 0 {
		list = append(list, wrong(c.check+" expiration", c.mend.gcloud+"--expiration-period=never",
			"it is deleted, with what waits in it, once nobody has read for %s", span(c.found.Expiration)))
	}
	return list
}

// push is where messages go and with whose signature.
func (c *comparison) push() (list []finding) {
	name := c.check + " push"
	if c.want.Function == "" {
		if c.found.PushEndpoint != "" {
			list = append(list, wrong(name, c.mend.gcloud+"--push-endpoint=", "it is pushed to %s; people pull it", c.found.PushEndpoint))
		}
		return list
	}
	if c.found.PushEndpoint == "" {
		if c.emulated {
			return []finding{unknown(name, "the emulator's subscription is not pushed; the demo delivers what it holds")}
		}
		return []finding{wrong(name, c.mend.terraform, "it is not pushed to %s: messages wait", c.want.Function)}
	}
	if at, err := url.Parse(c.found.PushEndpoint); err != nil || at.Path != event.PushPath || at.Scheme != "https" && !c.emulated {
		list = append(list, wrong(name, c.mend.terraform, "it is pushed to %s; the function takes https and %s", c.found.PushEndpoint, event.PushPath))
	}
	if c.found.PushAccount == "" || c.found.PushAudience == "" {
		list = append(list, wrong(c.check+" token", c.mend.terraform, "its pushes carry no token with an account and an audience: the function refuses them"))
	}
	return list
}
