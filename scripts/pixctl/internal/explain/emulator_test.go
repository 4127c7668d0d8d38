package explain

import (
	"bytes"
	"strings"
	"testing"

	"cloud.google.com/go/bigtable/bttest"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// TestRunThroughTheEmulator is not parallel: the SDK reads BIGTABLE_EMULATOR_HOST from the process.
func TestRunThroughTheEmulator(t *testing.T) {
	server, err := bttest.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	t.Setenv("BIGTABLE_EMULATOR_HOST", server.Addr)
	cfg := store.Config{ProjectID: "p", InstanceID: "sentinela"}
	if err := store.CreateSchema(t.Context(), cfg, store.Retention{}); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := decision(t)
	if _, err := s.Commit(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]struct {
		code int
		says string
	}{
		string(d.ID()):                     {0, "leva quase todo o saldo"},
		"E99000001202601060130aaaaaaaaaaa": {1, "no decision stands"},
	} {
		var out bytes.Buffer
		std := command.IO{Out: &out, Err: &out, Getenv: func(k string) string { return map[string]string{"PROJECT": "p"}[k] }}
		code := command.Dispatch(t.Context(), std, []command.Command{Command()}, []string{"explain", id, "-lang", "pt"})
		if code != want.code || !strings.Contains(out.String(), want.says) {
			t.Errorf("%s: exit code %d, want %d with %q; printed\n%s", id, code, want.code, want.says, out.String())
		}
	}
}
