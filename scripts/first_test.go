package scripts_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pixtest/program"
)

// TestTheFirstDecisionsLinkNoSQLEngine: what a newcomer waits for before the first decision leaves out what compiles for
// minutes, and what is there for people and jobs that come later.
func TestTheFirstDecisionsLinkNoSQLEngine(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags=disable_grpc_modules", "./scripts/pixctl/first")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, heavy := range []string{
		"github.com/goccy/bigquery-emulator", "github.com/goccy/go-googlesql", "github.com/goccy/googlesql", "github.com/ncruces/",
		"modernc.org/", "gonum.org/", "github.com/apache/arrow-go/",
	} {
		if i := strings.Index("\n"+string(out), "\n"+heavy); i >= 0 {
			name, _, _ := strings.Cut(string(out)[i:], "\n")
			t.Errorf("the first decisions link %s", name)
		}
	}
}

// standIn is a go that answers whether the SQL engine is compiled, and builds commands that say their names, but for the one
// that is BROKEN.
const standIn = `#!/bin/sh
case $1 in
list) echo "$STALE" ;;
build)
	while [ "$1" != -o ]; do shift; done
	[ "$(basename "$2")" != "$BROKEN" ] || { echo "engine.go:1:1: syntax error" >&2; exit 1; }
	printf '#!/bin/sh\necho "ran %s $*"\n' "$(basename "$2")" > "$2"
	chmod +x "$2" ;;
esac
`

// TestMakeDemoShowsDecisionsBeforeItCompilesTheEngine: the first decisions come first where the engine is not compiled, not
// at all where it is, and whatever does not compile ends the demo with the reason.
func TestMakeDemoShowsDecisionsBeforeItCompilesTheEngine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stale, broken string
		ran, text     string
		fails         bool
	}{
		"nothing compiled":          {stale: "true", ran: "first pixctl", text: "step 2 of 3"},
		"everything compiled":       {stale: "false", ran: "pixctl"},
		"the engine does not":       {stale: "true", broken: "pixctl", ran: "first", text: "engine.go:1:1: syntax error", fails: true},
		"what decides does not":     {stale: "true", broken: "first", text: "engine.go:1:1: syntax error", fails: true},
		"a later change breaks all": {stale: "false", broken: "pixctl", text: "engine.go:1:1: syntax error", fails: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "build"), 0o700); err != nil {
				t.Fatal(err)
			}
			const yesterday = "#!/bin/sh\necho ran yesterday\n" // must not run for what does not compile today
			for name, script := range map[string]string{"go": standIn, "build/first": yesterday, "build/pixctl": yesterday} {
				if err := program.Write(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "make", "--no-print-directory", "demo", "BUILD="+dir+"/build")
			cmd.Dir = root
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "STALE="+tc.stale, "BROKEN="+tc.broken, "MAKEFLAGS=")
			out, err := cmd.CombinedOutput()
			var ran []string
			for line := range strings.Lines(string(out)) {
				if what, ok := strings.CutPrefix(line, "ran "); ok {
					ran = append(ran, strings.Fields(what)[0])
				}
			}
			if (err != nil) != tc.fails || strings.Join(ran, " ") != tc.ran || !strings.Contains(string(out), tc.text) {
				t.Errorf("%v, ran %v\n%s", err, ran, out)
			}
		})
	}
}
