// Package explain is `pixctl explain`: it reads the decision on one payment and says in words what was decided and why.
package explain

import (
	"context"
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // times are shown as people in Brazil read them

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "explain", Summary: "say in words what was decided on a payment, and why", Run: run}
}

// source is where decisions are looked up.
type source interface {
	Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error)
}

var errNoDecision = errors.New("no decision stands for this EndToEndId")

func run(ctx context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "explain", "ENDTOENDID [-lang en|pt]", 1)
	project := flags.String("project", command.Project(std.Getenv), command.ProjectUsage)
	instance := flags.String("instance", command.First(std.Getenv("BIGTABLE_INSTANCE"), "sentinela"), "Bigtable instance; BIGTABLE_INSTANCE by default")
	table := flags.String("table", "", "Bigtable table; the store's default when empty")
	lang := flags.String("lang", "en", "language of the words: en or pt")
	asJSON := flags.Bool("json", false, "print the decision as JSON")
	rest, err := flags.Parse(args)
	if err != nil {
		return err
	}
	if *lang != "en" && *lang != "pt" {
		return command.Usagef("explain: -lang must be en or pt")
	}
	id, err := pix.ParseEndToEndID(rest[0])
	if err != nil {
		return command.Usagef("explain: %v", err)
	}
	if err := flags.Required("project"); err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{ProjectID: *project, InstanceID: *instance, Table: *table, CallTimeout: 10 * time.Second})
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	err = tell(ctx, std, s, request{id: id, portuguese: *lang == "pt", json: *asJSON})
	return errors.Join(err, s.Close())
}

// request is one question.
type request struct {
	id         pix.EndToEndID
	portuguese bool
	json       bool
}

// tell looks the decision up and prints it.
func tell(ctx context.Context, std command.IO, from source, r request) error {
	d, err := from.Decision(ctx, r.id)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	if d == nil {
		return fmt.Errorf("explain: %s: %w", r.id, errNoDecision)
	}
	if r.json {
		data, err := event.DecisionJSON(d)
		if err != nil {
			return fmt.Errorf("explain: %w", err)
		}
		fmt.Fprintf(std.Out, "%s\n", data)
		return nil
	}
	zone, err := time.LoadLocation(feature.Zone)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	text := story{d: d, zone: zone, words: english()}
	if r.portuguese {
		text.words, text.portuguese = portuguese(), true
	}
	_, err = std.Out.Write(text.bytes())
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}
