package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/verify"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// Commands returns the subcommands. Options are for Cloud Storage; without any, Application Default Credentials decide.
func Commands(opts ...option.ClientOption) []command.Command {
	return []command.Command{
		{Name: "model promote", Summary: "put a verified version in force, without a restart", Run: with(opts, verb{
			name: "model promote", synopsis: "-store DIR|gs://BUCKET/PREFIX [-wait URL] ROLE VERSION", arguments: 2,
			act: promote, verifies: true, wait: true,
		})},
		{Name: "model rollback", Summary: "put the version before back in force, without a restart", Run: with(opts, verb{
			name: "model rollback", synopsis: "-store DIR|gs://BUCKET/PREFIX [-from VERSION] [-wait URL] ROLE", arguments: 1,
			act: rollback, from: true, wait: true,
		})},
		{Name: "model challengers", Summary: "name the versions that score in shadow", Run: with(opts, verb{
			name: "model challengers", synopsis: "-store DIR|gs://BUCKET/PREFIX ROLE VERSION,VERSION|\"\"",
			arguments: 2, act: challengers, verifies: true,
		})},
		{Name: "model add", Summary: "write a verified version into a store, in force nowhere yet", Run: with(opts, verb{
			name: "model add", synopsis: "-store DIR|gs://BUCKET/PREFIX ROLE PATH/ROLE/VERSION", arguments: 2,
			act: add, verifies: true,
		})},
		{Name: "model current", Summary: "say which version is in force, and which score in shadow", Run: with(opts, verb{
			name: "model current", synopsis: "-store DIR|gs://BUCKET/PREFIX ROLE", arguments: 1, act: current,
		})},
	}
}

// verb is what differs between the subcommands.
type verb struct {
	name, synopsis string
	arguments      int
	act            func(context.Context, request) (outcome, error)
	verifies       bool // takes -keys
	from           bool // takes -from
	wait           bool // takes -wait
}

// request is a store and what to do in it.
type request struct {
	store    *modelstore.Store
	role     pix.Role
	argument string
	from     string
	keys     scoring.Keys
}

// patience is how long a command that was told to stop may still take: a write asks whether it took effect. A mount that
// has stalled would keep it for ever.
const patience = 15 * time.Second

// outcome is what is in force afterwards; in JSON it is what programs read.
type outcome struct {
	Role        pix.Role `json:"role"`
	Version     string   `json:"version,omitempty"` // in force
	Before      string   `json:"before,omitempty"`  // what was
	Challengers []string `json:"challengers,omitempty"`
	Added       string   `json:"added,omitempty"` // to the store
	sentence    string
}

func with(opts []option.ClientOption, v verb) func(context.Context, command.IO, []string) error {
	return func(ctx context.Context, std command.IO, args []string) error {
		flags := command.NewFlags(std, v.name, v.synopsis, v.arguments)
		location := flags.String("store", std.Getenv("MODELS_LOCATION"),
			"a directory or gs://bucket/prefix; MODELS_LOCATION by default")
		asJSON := flags.Bool("json", false, "print the result as one JSON object")
		var r request
		var keys string
		if v.verifies {
			flags.StringVar(&keys, "keys", std.Getenv("MODEL_SIGNING_KEYS"), verify.KeysUsage)
		}
		if v.from {
			flags.StringVar(&r.from, "from", "", "leave this version; where another is in force nothing is changed")
		}
		wait := waiting{log: std.Err}
		if v.wait {
			flags.Func("wait", "then wait until the scorer serves it: its /readyz; may be given several times", func(url string) error {
				wait.urls = append(wait.urls, url)
				return nil
			})
			flags.DurationVar(&wait.timeout, "timeout", 2*time.Minute, "of -wait")
		}
		given, err := flags.Parse(args)
		if err != nil {
			return err
		}
		if err := flags.Required("store"); err != nil {
			return err
		}
		if err := r.take(v, given, keys); err != nil {
			return err
		}
		done, err := patient(ctx, patience, func() (outcome, error) { return v.run(ctx, *location, r, opts) })
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		if err := report(std.Out, done, *asJSON); err != nil || len(wait.urls) == 0 {
			return err
		}
		if err := wait.until(ctx, string(done.Role)+"/"+done.Version); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		return nil
	}
}

// take reads the arguments.
func (r *request) take(v verb, given []string, keys string) error {
	if r.role = pix.Role(given[0]); r.role != pix.PayerRole && r.role != pix.ReceiverRole {
		return command.Usagef("%s: the role must be payer or receiver", v.name)
	}
	if v.arguments > 1 {
		r.argument = given[1]
	}
	var err error
	if r.keys, err = verify.Keys(keys); err != nil {
		return fmt.Errorf("%s: %w", v.name, err)
	}
	return nil
}

func (v verb) run(
	ctx context.Context, location string, r request, opts []option.ClientOption,
) (done outcome, err error) {
	if r.store, err = modelstore.OpenWritable(ctx, location, opts...); err != nil {
		return outcome{}, err
	}
	defer func() { err = errors.Join(err, r.store.Close()) }()
	return v.act(ctx, r)
}

// patient does something that may not heed ctx, and leaves it behind some time after ctx ended.
func patient(ctx context.Context, patience time.Duration, do func() (outcome, error)) (outcome, error) {
	type result struct {
		outcome
		err error
	}
	done := make(chan result, 1)
	go func() {
		o, err := do()
		done <- result{o, err}
	}()
	select {
	case r := <-done:
		return r.outcome, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.outcome, r.err
	case <-time.After(patience):
		return outcome{}, fmt.Errorf("the store does not answer, look what is in force: %w", ctx.Err())
	}
}

// promote verifies first: what running scorers would refuse is not put in force.
func promote(ctx context.Context, r request) (outcome, error) {
	if err := verified(ctx, r, r.argument); err != nil {
		return outcome{}, err
	}
	before, err := r.store.Promote(ctx, r.role, r.argument)
	if err != nil {
		return outcome{}, err
	}
	done := outcome{Role: r.role, Version: r.argument, Before: before}
	done.sentence = fmt.Sprintf("%s/%s is in force; before it was %s", r.role, r.argument, before)
	if before == r.argument {
		done.sentence = fmt.Sprintf("%s/%s is in force, as before", r.role, r.argument)
	}
	return done, nil
}

// rollback does not verify: it must work when it is needed, and every scorer verifies for itself.
func rollback(ctx context.Context, r request) (outcome, error) {
	from, to, err := r.store.Rollback(ctx, r.role, r.from)
	if errors.Is(err, modelstore.ErrUncertain) {
		return outcome{}, fmt.Errorf("%w; try again with -from %s, which takes no second step", err, from)
	}
	if err != nil {
		return outcome{}, err
	}
	return outcome{
		Role: r.role, Version: to, Before: from,
		sentence: fmt.Sprintf("%s/%s is in force again; %s is not any more", r.role, to, from),
	}, nil
}

func challengers(ctx context.Context, r request) (outcome, error) {
	var versions []string
	if r.argument != "" {
		versions = strings.Split(r.argument, ",")
	}
	for _, version := range versions {
		if err := verified(ctx, r, version); err != nil {
			return outcome{}, err
		}
	}
	if err := r.store.SetChallengers(ctx, r.role, versions); err != nil {
		return outcome{}, err
	}
	sentence := fmt.Sprintf("no %s model scores in shadow", r.role)
	if len(versions) > 0 {
		sentence = fmt.Sprintf("%s models in shadow: %s", r.role, strings.Join(versions, ", "))
	}
	return outcome{Role: r.role, Challengers: versions, sentence: sentence}, nil
}

// verified loads a version as the scorer of this release would.
func verified(ctx context.Context, r request, version string) error {
	artefact, err := r.store.LoadVersion(ctx, r.role, version)
	if err != nil {
		return err
	}
	return r.wouldServe(artefact)
}

func (r request) wouldServe(artefact modelstore.Artefact) error {
	if _, err := scoring.Load(artefact, scoring.DefaultLimits(), scoring.Contract{
		Role: r.role, FeatureNames: feature.Names(), FeatureSet: feature.SetVersion(), Version: artefact.Version, Keys: r.keys,
	}); err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	return nil
}

func report(w io.Writer, done outcome, asJSON bool) error {
	if !asJSON {
		fmt.Fprintln(w, done.sentence)
		return nil
	}
	if err := json.NewEncoder(w).Encode(done); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
