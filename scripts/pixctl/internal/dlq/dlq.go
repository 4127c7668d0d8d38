package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// Commands returns the subcommands.
func Commands() []command.Command {
	return []command.Command{
		{Name: "dlq list", Summary: "list dead letters", Run: list},
		{Name: "dlq show", Summary: "show one dead letter, and what to do about it", Run: show},
		{Name: "dlq replay", Summary: "publish the messages of dead letters again", Run: replay},
	}
}

// defaultWait is long enough for a server that is busy and short enough for a person.
const defaultWait = 3 * time.Second

// ackDeadline of a subscription that -create makes: letters are given back sooner, unless the process is killed.
const ackDeadline = time.Minute

const limits = `

Letters come from a pull subscription of the dead-letter topic. Reading acknowledges none: they are held while they are
looked at and then given back, so that somebody who looks at the same time sees only a part, and after a kill they are
missing for up to ten minutes. Reading ends when nothing came for -wait.
`

// connection is where letters are read.
type connection struct {
	project, subscription string
	wait                  time.Duration
	create                bool
}

// flagsOf declares the flags of every dlq command.
func flagsOf(std command.IO, name, synopsis string, positional int) (*command.Flags, *connection) {
	flags := command.NewFlags(std, name, synopsis, positional)
	var c connection
	flags.StringVar(&c.project, "project", command.Project(std.Getenv), command.ProjectUsage)
	flags.StringVar(&c.subscription, "subscription", event.SubscriptionDesk, "pull subscription of the dead-letter topic")
	flags.DurationVar(&c.wait, "wait", defaultWait, "reading ends when no letter came for so long")
	flags.BoolVar(&c.create, "create", false, "make the subscription on "+event.TopicDeadLetter+" if there is none; it keeps letters from then on")
	return flags, &c
}

// parse reads the arguments and checks what all commands share.
func parse(flags *command.Flags, c *connection, args []string) ([]string, error) {
	rest, err := flags.Parse(args)
	if err != nil {
		return nil, err
	}
	if err := flags.Required("project", "subscription"); err != nil {
		return nil, err
	}
	if c.wait <= 0 {
		return nil, command.Usagef("%s: -wait must be above zero", flags.Name())
	}
	return rest, nil
}

// with opens the bus for use.
func (c *connection) with(ctx context.Context, use func(*bus.Bus, *inbox) error) error {
	b, err := bus.Open(ctx, bus.Config{ProjectID: c.project})
	if err != nil {
		return fmt.Errorf("dlq: %w", err)
	}
	if c.create {
		err = b.EnsureSubscription(ctx, bus.Subscription{Name: c.subscription, Topic: event.TopicDeadLetter, AckDeadline: ackDeadline})
	}
	if err == nil {
		err = use(b, &inbox{from: b, subscription: c.subscription, wait: c.wait})
	}
	if errors.Is(err, bus.ErrNoSubscription) {
		err = fmt.Errorf("subscription %s does not exist in project %s: name another with -subscription, or make it with -create "+
			"(it keeps letters from then on, not those from before)", c.subscription, c.project)
	}
	if err = errors.Join(err, b.Close(context.WithoutCancel(ctx))); err != nil {
		return fmt.Errorf("dlq: %w", err)
	}
	return nil
}
