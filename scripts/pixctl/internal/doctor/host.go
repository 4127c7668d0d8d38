package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

// repository finds the root of this repository at or above dir, empty outside of one.
func repository(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/sentinela-pix/sentinela\n") {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// tool is a program that some target of the Makefile runs.
type tool struct {
	name     string
	args     []string
	least    [2]int // version; zero is any
	needed   bool   // by make demo
	why, get string
}

func toolbox() []tool {
	return []tool{
		{name: "go", args: []string{"version"}, least: [2]int{1, 26}, needed: true, why: "builds everything", get: "install Go from https://go.dev/dl"},
		{name: "make", args: []string{"--version"}, needed: true, why: "sets the flags that the build needs", get: "apt-get install make"},
		{name: "git", args: []string{"--version"}, why: "make lint and a test read the list of files from it", get: "apt-get install git"},
		{name: "python3", args: []string{"--version"}, least: [2]int{3, 11}, why: "make model, test-python and lint", get: "apt-get install python3 python3-venv"},
		{name: "java", args: []string{"-version"}, least: [2]int{17, 0}, why: "make loop, test-lake and conformance run Spark and Kafka", get: "apt-get install openjdk-17-jre-headless"},
	}
}

var versionForm = regexp.MustCompile(`\d+\.\d+(\.\d+)*`)

func tools(ctx context.Context, m *machine) (list []finding) {
	for _, t := range toolbox() {
		list = append(list, t.look(ctx, m.timeout))
	}
	return list
}

func (t tool) look(ctx context.Context, timeout time.Duration) finding {
	complain := warn
	if t.needed {
		complain = wrong
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	said, err := exec.CommandContext(ctx, t.name, t.args...).CombinedOutput() //nolint:gosec // a name of the list above
	if err != nil {
		return complain(t.name, t.get, "does not run: %s", t.why)
	}
	version := versionForm.FindString(string(said))
	if !atLeast(version, t.least) {
		return complain(t.name, t.get, "%s is older than %d.%d: %s", version, t.least[0], t.least[1], t.why)
	}
	return ok(t.name, "%s", version)
}

// atLeast compares the first two numbers of a version.
func atLeast(version string, least [2]int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return least == [2]int{}
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (major > least[0] || major == least[0] && minor >= least[1])
}

// What a build takes: less than the first stops it, less than the second may.
const (
	leastDisk  = 1 << 30
	enoughDisk = 6 << 30
)

func disk(_ context.Context, m *machine) []finding {
	if m.root == "" {
		return []finding{warn("repository", "cd into the clone", "this is not a clone of the repository: build, disk and example are not looked at")}
	}
	dir := filepath.Join(m.root, "build")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return []finding{wrong("build directory", "chown or remove "+dir, "cannot be made: %v", err)}
	}
	f, err := os.CreateTemp(dir, "doctor")
	if err != nil {
		return []finding{wrong("build directory", "chown or remove "+dir, "cannot be written: %v", err)}
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return []finding{ok("build directory", "%s", dir), space(dir)}
}

func space(dir string) finding {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return warn("disk", "df -h "+dir, "its free space is unknown: %v", err)
	}
	free := s.Bavail * uint64(s.Bsize) //nolint:gosec // a block's size is not negative
	const mend = "go clean -cache, or a larger disk"
	gib := float64(free) / (1 << 30)
	switch {
	case free < leastDisk:
		return wrong("disk", mend, "%.1f GiB free", gib)
	case free < enoughDisk:
		return warn("disk", mend, "%.1f GiB free; a first build with its modules takes up to 6", gib)
	default:
		return ok("disk", "%.0f GiB free", gib)
	}
}

// ports looks at the loopback interface, on which the demo takes free ports, and at the port that services take by default.
func ports(ctx context.Context, _ *machine) []finding {
	listen := func(address string) error {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		_ = l.Close()
		return nil
	}
	if err := listen("127.0.0.1:0"); err != nil {
		return []finding{wrong("ports", "ip link set lo up", "no port of the loopback interface can be taken: %v", err)}
	}
	if err := listen(":8080"); err != nil {
		return []finding{warn("ports", "LISTEN_ADDR=:8081 for a service", "8080, where services listen by default, is taken; the demo does not need it")}
	}
	return []finding{ok("ports", "free ones on the loopback interface, and 8080")}
}

// clock finds a clock that is years off and a machine without time zones. Seconds cannot be seen from inside.
func clock(_ context.Context, m *machine) []finding {
	if _, err := time.LoadLocation(feature.Zone); err != nil {
		return []finding{wrong("clock", "apt-get install tzdata", "the time zone %s is unknown", feature.Zone)}
	}
	now := m.now()
	if trained := newestModel(); now.Before(trained) {
		return []finding{wrong("clock", "timedatectl set-ntp true", "it says %s, before the shipped models were trained (%s)",
			now.UTC().Format(time.RFC3339), trained.UTC().Format(time.DateOnly))}
	}
	return []finding{ok("clock", "%s; how exact it is cannot be seen here", now.UTC().Format(time.RFC3339))}
}
