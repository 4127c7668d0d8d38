package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

func produce(t *testing.T, c *pixtest.Cloud, value []byte) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.KafkaBrokers...), kgo.DefaultProduceTopic(event.KafkaTransactions))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// carried waits for a message on the topic of payments.
func carried(t *testing.T, c *pixtest.Cloud) {
	t.Helper()
	client, err := pubsub.NewClient(t.Context(), c.ProjectID, c.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	came := make(chan struct{}, 1)
	err = client.Subscriber("test").Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		select {
		case came <- struct{}{}:
		default:
		}
		cancel()
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-came:
	default:
		t.Error("the payment was not carried")
	}
}

// TestTwoBuildsGiveOneDigest: another directory and another minute leave nothing in an image.
func TestTwoBuildsGiveOneDigest(t *testing.T) {
	t.Parallel()
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	// make images -again does the same with nothing compiled before; here the time is not there.
	o := &options{source: source, cache: strings.TrimSpace(string(cache))}
	i := images()[2]
	b, err := i.build(t.Context(), o, []string{runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.again(t.Context(), i, o); err != nil {
		t.Error(err)
	}
}

// TestImagesSayWhatTheyAre: nobody's user, a fixed date, and nothing that runs as a shell would.
func TestImagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	all, err := packed()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images() {
		config, err := all[i.name].ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Config.User != nobody || !config.Created.Equal(time.Unix(0, 0)) || config.OS != "linux" || config.Architecture != runtime.GOARCH {
			t.Errorf("%s: %+v", i.name, config)
		}
		if !slices.Equal(config.Config.Entrypoint, []string{"/app"}) || len(config.Config.Env) != 0 {
			t.Errorf("%s runs %v with %v", i.name, config.Config.Entrypoint, config.Config.Env)
		}
		size, err := platform{image: all[i.name]}.bytes()
		if err != nil || size > maxBytes {
			t.Errorf("%s: %d bytes: %v", i.name, size, err)
		}
		t.Logf("%s: %.1f MB", i.name, float64(size)/1e6)
	}
}

// TestNothingIsAskedOfTheRoot: what others read from files is linked: the roots of certificates, and where it is asked for the
// time zone.
func TestNothingIsAskedOfTheRoot(t *testing.T) {
	t.Parallel()
	for _, i := range images() {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags="+tags, i.pkg)
		cmd.Dir = source
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, "golang.org/x/crypto/x509roots/fallback") {
			t.Errorf("%s has no roots of certificates", i.name)
		}
		if slices.Contains(deps, "github.com/sentinela-pix/sentinela/shared/feature") && !slices.Contains(deps, "time/tzdata") {
			t.Errorf("%s has no time zones", i.name)
		}
	}
}

// TestTheMakefilesTags: an image is built with the tags that everything else is tested with.
func TestTheMakefilesTags(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(source + "/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^export GOFLAGS := .*-tags=` + tags + ` `).Match(makefile) {
		t.Errorf("the Makefile's GOFLAGS have other tags than %s", tags)
	}
}

// TestExpectations: what goes to the next environment is what the one before had.
func TestExpectations(t *testing.T) {
	t.Parallel()
	want, err := expected(`{"scorer":"sha256:aa"}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		d            digests
		name, digest string
		ok           bool
	}{
		"nothing expected": {nil, "scorer", "sha256:bb", true},
		"the same":         {want, "scorer", "sha256:aa", true},
		"another":          {want, "scorer", "sha256:bb", false},
		"a new image":      {want, "functions", "sha256:aa", false},
	} {
		if err := c.d.check(c.name, c.digest); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"scorer", "", "null"} {
		if d, err := expected(text); err == nil {
			t.Errorf("%q expects %v", text, d)
		}
	}
	if d, err := expected(nothing); err != nil || d != nil {
		t.Errorf("nothing expected: %v, %v", d, err)
	}
}

// TestImagesOfTheContract: what is built is what Terraform and the manifests deploy.
func TestImagesOfTheContract(t *testing.T) {
	t.Parallel()
	built := map[string]string{}
	for _, i := range images() {
		built[i.name] = strings.TrimPrefix(i.pkg, "./")
	}
	var contract struct{ Images map[string]string }
	data, err := os.ReadFile(source + "/terraform/contract.json")
	if err == nil {
		err = json.Unmarshal(data, &contract)
	}
	if err != nil || !maps.Equal(contract.Images, built) {
		t.Errorf("built are %v, the contract has %v: %v", built, contract.Images, err)
	}
}

// TestTell: the files that a workflow reads.
func TestTell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := &options{out: dir, push: "registry/p", output: filepath.Join(dir, "output")}
	d := digests{"functions": "sha256:aa", "scorer": "sha256:bb", "kafka-bridge": "sha256:cc"}
	if err := d.tell(o); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"checksums.txt": "aa  registry/p/functions\nbb  registry/p/scorer\ncc  registry/p/kafka-bridge\n",
		"output":        `digests={"functions":"sha256:aa","kafka-bridge":"sha256:cc","scorer":"sha256:bb"}` + "\n",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s is %q, want %q: %v", file, got, want, err)
		}
	}
}

// TestAFailedBuildTellsNothing: where a build fails, no digests of an earlier one are left to deploy.
func TestAFailedBuildTellsNothing(t *testing.T) {
	t.Parallel()
	sums := filepath.Join(t.TempDir(), "checksums.txt")
	if err := os.WriteFile(sums, []byte("aa  scorer\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), &options{out: filepath.Dir(sums), expect: "no JSON"}, io.Discard); err == nil {
		t.Error("no JSON is taken")
	}
	if _, err := os.Stat(sums); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the checksums of an earlier build are left: %v", err)
	}
}
