// Package publish is `pixctl publish`: it puts JSON objects on a Pub/Sub topic as a person would write them, after
// catching what a person gets wrong: each is read exactly as its consumer will.
package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/replay"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "publish", Summary: "push JSON events into a Pub/Sub topic", Run: run}
}

// publisher is the part of the bus that this subcommand needs.
type publisher interface {
	Publish(ctx context.Context, topic string, e event.Envelope) error
}

var (
	errRefused = errors.New("some objects were refused and not published; -force publishes them all the same")
	errNothing = errors.New("there is no object in the input")
)

const synopsis = `-topic T [-file F] [flags]

Reads JSON objects, checks each as its consumer does, and publishes those that pass.
Exit code 1: an object was refused, which is told with every problem, or there was none.
`

// options are what the flags say.
type options struct {
	topic, file, schema, project string
	replay, force, json          bool
}

func parse(std command.IO, args []string) (options, error) {
	flags := command.NewFlags(std, "publish", synopsis, 0)
	var o options
	flags.StringVar(&o.topic, "topic", "", "topic name, for example "+event.TopicTransactions)
	flags.StringVar(&o.file, "file", "-", "JSON objects, one a line or one over several lines, plain or gzip; - is standard input")
	flags.StringVar(&o.schema, "schema", "", "message type; told from the topic's name by default, else "+event.SchemaTransaction)
	flags.StringVar(&o.project, "project", command.Project(std.Getenv), command.ProjectUsage)
	flags.BoolVar(&o.replay, "replay", false, "the payments are not live: where the subscription's identity may replay, their own date counts")
	flags.BoolVar(&o.force, "force", false, "publish even what is refused here; consumers will dead-letter it")
	flags.BoolVar(&o.json, "json", false, "print the outcome as one JSON object")
	if _, err := flags.Parse(args); err != nil {
		return o, err
	}
	if err := flags.Required("topic", "project"); err != nil {
		return o, err
	}
	if o.schema == "" {
		o.schema = schemaOf(o.topic)
	}
	return o, nil
}

func run(ctx context.Context, std command.IO, args []string) error {
	o, err := parse(std, args)
	if err != nil {
		return err
	}
	in := std.In
	if o.file != "-" {
		f, err := file.Open(o.file)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	b, err := bus.Open(ctx, bus.Config{ProjectID: o.project})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	job := job{to: b, options: o, check: check{event.Decoder{Tokenizer: tokenizer}, time.Now}}
	err = job.all(ctx, std, in)
	return errors.Join(err, b.Close(context.WithoutCancel(ctx)))
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
	options
	to      publisher
	check   check
	outcome outcome
}

// all publishes every object of in, one after the other, and says what was wrong with the others.
func (j *job) all(ctx context.Context, std command.IO, in io.Reader) error {
	j.outcome = outcome{Topic: j.topic, Schema: j.schema, Problems: []problem{}}
	err := j.each(ctx, in)
	if told := j.outcome.write(std, j.json); told != nil {
		err = errors.Join(err, told)
	}
	switch {
	case err != nil:
		return fmt.Errorf("publish: after %d objects: %w", j.outcome.objects(), err)
	case j.outcome.objects() == 0:
		return fmt.Errorf("publish: %w", errNothing)
	case j.outcome.Refused > 0:
		return fmt.Errorf("publish: %w", errRefused)
	default:
		return nil
	}
}

func (j *job) each(ctx context.Context, in io.Reader) error {
	plain, err := file.Plain(file.Interruptible(ctx, in))
	if err != nil {
		return err
	}
	objects := newObjects(plain)
	for {
		data, err := objects.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := j.one(ctx, data); err != nil {
			return err
		}
	}
}

// one publishes one object, or notes what is wrong with it.
func (j *job) one(ctx context.Context, data []byte) error {
	e, err := j.check.envelope(data, j.schema)
	if j.replay {
		e.Attributes[event.AttrReplay] = event.ReplayTrue
	}
	if err != nil {
		j.outcome.note(err)
		if !j.force {
			j.outcome.Refused++
			return nil
		}
		j.outcome.Forced++
	}
	if err := j.to.Publish(ctx, j.topic, e); err != nil {
		return err
	}
	j.outcome.Published++
	return nil
}
