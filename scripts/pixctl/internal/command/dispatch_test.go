package command_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
)

func TestDispatch(t *testing.T) {
	t.Parallel()
	var ran []string
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sub := func(name string, positional int) command.Command {
		return command.Command{Name: name, Summary: "does " + name, Run: func(_ context.Context, std command.IO, args []string) error {
			flags := command.NewFlags(std, name, "X", positional)
			fail := flags.Bool("fail", false, "")
			interrupt := flags.Bool("interrupt", false, "")
			out := flags.String("out", "", "")
			rest, err := flags.Parse(args)
			if err != nil {
				return err
			}
			if *interrupt {
				cancel()
				return ctx.Err()
			}
			if *fail {
				return errors.New("refused")
			}
			if positional == 0 {
				if err := flags.Required("out"); err != nil {
					return err
				}
			}
			ran = append(ran, name+":"+strings.Join(rest, ",")+":"+*out)
			return nil
		}}
	}
	commands := []command.Command{sub("model", 0), sub("model verify", 1), sub("dlq list", 0), sub("dlq replay", 0)}
	for _, c := range []struct {
		args []string
		code int
		ran  []string
		says string // on either stream
	}{
		{nil, 2, nil, "usage: pixctl"},
		{[]string{"-h"}, 0, nil, "does model verify"},
		{[]string{"nonsense"}, 2, nil, `no subcommand "nonsense"`},
		{[]string{"dlq"}, 2, nil, "dlq is followed by one of these:\nusage: pixctl SUBCOMMAND [flags]   (-h after a subcommand explains it)\n  dlq list    does dlq list\n  dlq replay  does"},
		{[]string{"dlq", "-h"}, 0, nil, "does dlq replay"},
		{[]string{"dlq", "nonsense"}, 2, nil, "does dlq replay"},
		{[]string{"model", "-out", "f"}, 0, []string{"model::f"}, ""},
		{[]string{"model"}, 2, nil, "-out is required"},
		{[]string{"model", "-h"}, 0, nil, "usage: pixctl model X"},
		{[]string{"model", "-nosuch"}, 2, nil, "-nosuch"},
		{[]string{"model", "-fail"}, 1, nil, "pixctl: refused"},
		{[]string{"model", "verify", "DIR"}, 0, []string{"model verify:DIR:"}, ""},
		{[]string{"model", "verify", "DIR", "-out", "x"}, 0, []string{"model verify:DIR:x"}, ""},
		{[]string{"model", "verify", "DIR", "-fail"}, 1, nil, "refused"},
		{[]string{"model", "verify"}, 2, nil, "want 1 arguments"},
		{[]string{"model", "verify", "A", "B"}, 2, nil, "want 1 arguments"},
		{[]string{"model", "-interrupt"}, 130, nil, "interrupted"},
	} {
		ran = nil
		var out bytes.Buffer
		code := command.Dispatch(ctx, command.IO{Out: &out, Err: &out}, commands, c.args)
		if code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, out.String())
		}
		if diff := cmp.Diff(c.ran, ran); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.args, diff)
		}
	}
}

// TestHelpIsTold on standard output where it was asked for; what is wrong goes to standard error alone, once.
func TestHelpIsTold(t *testing.T) {
	t.Parallel()
	sub := command.Command{Name: "sub", Run: func(_ context.Context, std command.IO, args []string) error {
		_, err := command.NewFlags(std, "sub", "", 0).Parse(args)
		return err
	}}
	for arg, help := range map[string]bool{"-h": true, "--help": true, "-nonsense": false, "extra": false} {
		var out, errs bytes.Buffer
		code := command.Dispatch(t.Context(), command.IO{Out: &out, Err: &errs}, []command.Command{sub}, []string{"sub", arg})
		said, silent := &errs, &out
		if help {
			said, silent = &out, &errs
		}
		if (code == 0) != help || silent.Len() > 0 || !strings.Contains(said.String(), "usage: pixctl sub") {
			t.Errorf("%s: exit code %d\nstandard output: %s\nstandard error: %s", arg, code, out.String(), errs.String())
		}
		if n := strings.Count(errs.String(), "nonsense"); n > 1 {
			t.Errorf("the mistake is told %d times: %s", n, errs.String())
		}
	}
}

func TestProject(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ own, google, want string }{
		{"", "", ""}, {"own", "", "own"}, {"", "google", "google"}, {"own", "google", "own"},
	} {
		getenv := func(k string) string { return map[string]string{"PROJECT": c.own, "GOOGLE_CLOUD_PROJECT": c.google}[k] }
		if got := command.Project(getenv); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
