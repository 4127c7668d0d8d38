// Package publish is `pixctl publish`: it puts JSON objects on a Pub/Sub topic as a person would write them, after
// catching what a person gets wrong.
package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "publish", Summary: "push JSON events into a Pub/Sub topic", Run: run}
}

// publisher is the part of the bus that this subcommand needs.
type publisher interface {
	Publish(ctx context.Context, topic string, e event.Envelope) error
}

// errRefused is the outcome of a run that left objects out.
var errRefused = errors.New("some objects were refused and not published")

func run(ctx context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "publish", "-topic T [-file F]", 0)
	topic := flags.String("topic", "", "topic name, for example "+event.TopicTransactions)
	file := flags.String("file", "-", "JSON objects, one a line or one over several lines; - is standard input")
	schema := flags.String("schema", "", "message type; told from the topic's name by default, else "+event.SchemaTransaction)
	project := flags.String("project", projectFrom(std.Getenv), "Google Cloud project; PROJECT and GOOGLE_CLOUD_PROJECT by default")
	replay := flags.Bool("replay", false, "the payments are not live: where the subscription's identity may replay, their own date counts")
	lax := flags.Bool("lax", false, "publish even what the contract does not know; consumers will dead-letter what is invalid")
	if _, err := flags.Parse(args); err != nil {
		return err
	}
	if err := flags.Required("topic", "project"); err != nil {
		return err
	}
	if *schema == "" {
		*schema = schemaOf(*topic)
	}
	in := std.In
	if *file != "-" {
		f, err := os.Open(*file)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	b, err := bus.Open(ctx, bus.Config{ProjectID: *project})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	job := job{to: b, topic: *topic, schema: *schema, lax: *lax, replay: *replay}
	err = job.all(ctx, std, in)
	return errors.Join(err, b.Close(context.WithoutCancel(ctx)))
}

func projectFrom(getenv func(string) string) string {
	if p := getenv("GOOGLE_CLOUD_PROJECT"); p != "" {
		return p
	}
	return getenv("PROJECT")
}

// schemaOf tells the message type from a topic's name, as the default topics are named.
func schemaOf(topic string) string {
	switch {
	case strings.Contains(topic, "label"):
		return event.SchemaLabel
	case strings.Contains(topic, "decision"):
		return event.SchemaDecision
	case strings.Contains(topic, "alert"):
		return event.SchemaAlert
	default:
		return event.SchemaTransaction
	}
}

// job is one run: where to and how strict.
type job struct {
	to            publisher
	topic, schema string
	lax           bool
	replay        bool
}

// all publishes every object of in, one after the other, and says what was wrong with the others.
func (j *job) all(ctx context.Context, std command.IO, in io.Reader) error {
	objects := newObjects(in)
	published, refused := 0, 0
	for {
		data, err := objects.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("publish: after %d objects: %w", published+refused, err)
		}
		envelope, err := j.envelope(data)
		if err != nil {
			refused++
			fmt.Fprintf(std.Err, "publish: object %d: %v\n", published+refused, err)
			continue
		}
		if err := j.to.Publish(ctx, j.topic, envelope); err != nil {
			return fmt.Errorf("publish: after %d objects: %w", published+refused, err)
		}
		published++
	}
	fmt.Fprintf(std.Out, "published %d to %s, refused %d\n", published, j.topic, refused)
	if refused > 0 {
		return errRefused
	}
	return nil
}

// envelope checks an object and wraps it.
func (j *job) envelope(data []byte) (event.Envelope, error) {
	e := event.Envelope{Data: data, Attributes: map[string]string{
		event.AttrSchema: j.schema, event.AttrEncoding: event.EncodingJSON,
	}}
	if j.replay {
		e.Attributes[event.AttrReplay] = event.ReplayTrue
	}
	switch j.schema {
	case event.SchemaTransaction:
		return j.transaction(e)
	case event.SchemaLabel:
		label, err := event.DecodeLabel(e, time.Now())
		return j.named(e, label.ID, err)
	case event.SchemaStatus:
		status, err := event.DecodeStatus(e, time.Now())
		return j.named(e, status.ID, err)
	}
	return e, nil
}

// named puts the payment's id among the attributes of what was decoded.
func (j *job) named(e event.Envelope, id pix.EndToEndID, err error) (event.Envelope, error) {
	if err == nil {
		e.Attributes[event.AttrEventID] = string(id)
	} else if !j.lax {
		return e, fmt.Errorf("not a %s: %w", j.schema, err)
	}
	return e, nil
}

func (j *job) transaction(e event.Envelope) (event.Envelope, error) {
	submission, err := event.DecodeSubmissionJSON(e.Data)
	if err == nil {
		e.Attributes[event.AttrEventID] = string(submission.ID)
	} else if !j.lax {
		return e, fmt.Errorf("not a payment: %w", err)
	}
	return e, nil
}
