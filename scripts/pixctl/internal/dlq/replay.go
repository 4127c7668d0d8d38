package dlq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	replays "github.com/sentinela-pix/sentinela/shared/replay"
)

// counts is what a replay did. Letters is the sum of the four below it.
type counts struct {
	Letters        int  `json:"letters"`         // that were meant
	Replayed       int  `json:"replayed"`        // published and acknowledged
	Refused        int  `json:"refused"`         // their payload would be refused again; they stay
	WithoutPayload int  `json:"without_payload"` // they stay
	Failed         int  `json:"failed"`          // they stay
	Published      int  `json:"published"`       // messages; a letter may stand for several records of Kafka
	DryRun         bool `json:"dry_run"`         // nothing was published; replayed and published are what would be
}

// errLeft is the outcome of a run that left letters where they were.
var errLeft = errors.New("some letters were not replayed and stay")

const replaySynopsis = `[-id ID] [-reason R] [-from-kafka] [-dry-run] [-json]

Publishes the payload of each letter to its topic again, marked replay=true, and acknowledges the letter only then. A
payment is decided once for its EndToEndId, so a replay that runs twice decides nothing twice. replay=true counts where the
subscription's identity may replay; elsewhere the payment is judged by its age. A payload that would be refused again stays.

-from-kafka reads letters without payload again from where they lie in Kafka, tokenised as the bridge does, with the
bridge's variables: KAFKA_BROKERS, KAFKA_TLS, KAFKA_SASL_*, TOKEN_KEY, TOKEN_KEY_VERSION, PREVIOUS_TOKEN_KEY.
-range TOPIC/PARTITION/FIRST-LAST does so without a letter.
Exit code 1: a letter that was meant was not replayed.
`

type replayOptions struct {
	filter
	topic, stretch       string
	limit                int
	fromKafka, dry, json bool
}

func replay(ctx context.Context, std command.IO, args []string) error {
	flags, c := flagsOf(std, "dlq replay", replaySynopsis+limits, 0)
	var o replayOptions
	flags.StringVar(&o.id, "id", "", "only this letter, or those of the payment with this EndToEndId")
	flags.StringVar(&o.reason, "reason", "", "only letters with this reason, for example unavailable")
	flags.StringVar(&o.topic, "topic", "", "topic to publish to; the one of the message's type by default")
	flags.StringVar(&o.stretch, "range", "", "replay this range of Kafka, and no letter; implies -from-kafka")
	flags.IntVar(&o.limit, "limit", 0, "letters to replay at most; 0 is all")
	flags.BoolVar(&o.fromKafka, "from-kafka", false, "read letters without payload again from Kafka")
	flags.BoolVar(&o.dry, "dry-run", false, "publish and acknowledge nothing, count what would be")
	flags.BoolVar(&o.json, "json", false, "print the counts as one JSON object")
	if _, err := parse(flags, c, args); err != nil {
		return err
	}
	var stretch bridge.Range
	if o.stretch != "" {
		var err error
		if stretch, err = parseRange(o.stretch); err != nil {
			return command.Usagef("dlq replay: -range: %v", err)
		}
	}
	r := replayer{options: o, log: std.Err, counts: counts{DryRun: o.dry}}
	err := c.with(ctx, func(b *bus.Bus, in *inbox) error {
		r.to = b
		if err := r.open(ctx, std.Getenv, b); err != nil {
			return err
		}
		if o.stretch != "" {
			return r.stretch(ctx, stretch)
		}
		return in.each(ctx, func(l *letter) (bool, error) { return r.letter(ctx, l) })
	})
	return errors.Join(err, r.counts.write(std.Out, o.json))
}

func (c *counts) write(w io.Writer, asJSON bool) error {
	if asJSON {
		if err := encode(w, c); err != nil {
			return err
		}
	} else {
		would := ""
		if c.DryRun {
			would = "dry run, nothing was done: "
		}
		fmt.Fprintf(w, "%s%d letters: %d replayed (%d messages), %d would be refused again, %d without payload, %d failed\n",
			would, c.Letters, c.Replayed, c.Published, c.Refused, c.WithoutPayload, c.Failed)
	}
	if c.Refused+c.WithoutPayload+c.Failed > 0 {
		return fmt.Errorf("dlq: %w", errLeft)
	}
	return nil
}

// publisher is the part of the bus that writes.
type publisher interface {
	Publish(ctx context.Context, topic string, e event.Envelope) error
}

// replayer is one run.
type replayer struct {
	options replayOptions
	to      publisher
	kafka   *bridge.Bridge // nil without -from-kafka
	check   event.Decoder
	log     io.Writer
	counts  counts
}

func (r *replayer) open(ctx context.Context, getenv func(string) string, b *bus.Bus) error {
	tokenizer, err := replays.NewTokenizer() // a payload has tokens; what has none is only to be refused
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	r.check.Tokenizer = tokenizer
	if r.options.fromKafka || r.options.stretch != "" {
		r.kafka, err = openBridge(ctx, getenv, b)
	}
	return err
}

// letter replays one letter; done says that nobody needs it any more. An error ends the run: what failed for one would fail
// for all.
func (r *replayer) letter(ctx context.Context, l *letter) (done bool, err error) {
	if !r.options.takes(l) {
		return false, nil
	}
	if r.options.limit > 0 && r.counts.Letters == r.options.limit {
		return false, errEnough
	}
	r.counts.Letters++
	place, inKafka := l.place()
	switch {
	case l.HasPayload:
		done, err = r.payload(ctx, l)
	case inKafka && r.kafka != nil:
		done, err = r.reread(ctx, l.ID, place)
	default:
		r.counts.WithoutPayload++
		fmt.Fprintf(r.log, "dlq: letter %s: %s\n", l.ID, remedy(l))
	}
	if done {
		r.counts.Replayed++
	}
	return done && !r.options.dry, err
}

// payload publishes what a letter carries.
func (r *replayer) payload(ctx context.Context, l *letter) (bool, error) {
	e, err := r.message(l)
	if err != nil {
		r.counts.Refused++
		fmt.Fprintf(r.log, "dlq: letter %s would be refused again: %v\n", l.ID, err)
		return false, nil
	}
	if err := r.publish(ctx, topicOf(l.Schema), e); err != nil {
		r.counts.Failed++
		return false, err
	}
	return true, nil
}

// publish sends one message, to the topic that was asked for or else to its own.
func (r *replayer) publish(ctx context.Context, topic string, e event.Envelope) error {
	if r.options.topic != "" {
		topic = r.options.topic
	}
	if !r.options.dry {
		if err := r.to.Publish(ctx, topic, e); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
	}
	r.counts.Published++
	return nil
}

// topicOf is where messages of a type belong; a letter without one was a payment.
func topicOf(schema string) string {
	if topic := event.TopicOf(schema); topic != "" {
		return topic
	}
	return event.TopicTransactions
}

// kept are the attributes that a message has of its own.
func kept() []string {
	return []string{
		event.AttrSchema, event.AttrEncoding, event.AttrEventID, event.AttrTraceparent, event.AttrArrivedAt, event.AttrOutcome,
	}
}

// message is the letter's message as it was before it died, checked as the door does.
func (r *replayer) message(l *letter) (event.Envelope, error) {
	e := event.Envelope{Data: l.message.Data, Attributes: map[string]string{event.AttrReplay: event.ReplayTrue}}
	for _, name := range kept() {
		if v := l.message.Attributes[name]; bus.WellFormed(name, v) {
			e.Attributes[name] = v
		}
	}
	now := time.Now()
	var err error
	switch l.Schema {
	case event.SchemaLabel:
		_, err = event.DecodeLabel(e, now)
	case event.SchemaStatus:
		_, err = event.DecodeStatus(e, now)
	case event.SchemaDecision:
		_, err = event.DecodeDecision(e, now)
	case event.SchemaAlert:
		_, err = event.DecodeAlert(e, now)
	default:
		if !event.FromBridge(e) {
			return e, errors.New("its payload is not in tokens: it was not written by a part of this system")
		}
		_, err = r.check.Transaction(e, now)
	}
	if err != nil {
		return e, fmt.Errorf("check payload: %w", err)
	}
	return e, nil
}
