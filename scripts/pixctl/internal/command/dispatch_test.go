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
	sub := func(name string, positional int) command.Command {
		return command.Command{Name: name, Summary: "does " + name, Run: func(_ context.Context, std command.IO, args []string) error {
			flags := command.NewFlags(std, name, "X", positional)
			fail := flags.Bool("fail", false, "")
			out := flags.String("out", "", "")
			rest, err := flags.Parse(args)
			if err != nil {
				return err
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
	} {
		ran = nil
		var out bytes.Buffer
		code := command.Dispatch(t.Context(), command.IO{Out: &out, Err: &out}, commands, c.args)
		if code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, out.String())
		}
		if diff := cmp.Diff(c.ran, ran); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.args, diff)
		}
	}
}
