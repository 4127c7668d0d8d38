package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/sentinela-pix/sentinela/functions/roster"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
	"github.com/sentinela-pix/sentinela/shared/pixtest/program"
	"github.com/sentinela-pix/sentinela/shared/pixtest/transcript"
	"github.com/sentinela-pix/sentinela/shared/store"
)

const source = "../.."

// patience is how long a process may take on a machine that does other things too.
const patience = 2 * time.Minute

// packed is an image for this machine, built once for all tests.
var packed = sync.OnceValues(func() (map[string]v1.Image, error) {
	all := map[string]v1.Image{}
	for _, i := range images() {
		b, err := i.build(context.Background(), &options{source: source}, []string{runtime.GOARCH})
		if err != nil {
			return nil, err
		}
		all[i.name] = b.platforms[0].image
	}
	return all, nil
})

// container is a process of an image in a root that holds what the image holds.
type container struct {
	cmd  *exec.Cmd
	log  *transcript.Buffer
	gone chan struct{} // closed once it has ended, as err says
	err  error
}

// start runs an image as a cluster would: its own files alone, its own user, its own entry point.
func start(t *testing.T, name string, env ...string) *container {
	t.Helper()
	all, err := packed()
	if err != nil {
		t.Fatal(err)
	}
	config, err := all[name].ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	root := unpack(t, all[name])
	c := &container{log: new(transcript.Buffer), gone: make(chan struct{})}
	c.cmd = &exec.Cmd{
		Path: config.Config.Entrypoint[0], Args: config.Config.Entrypoint, Dir: config.Config.WorkingDir, Env: env,
		Stdout: c.log, Stderr: c.log, SysProcAttr: confined(t, root, config.Config.User),
	}
	if err := c.cmd.Start(); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("this machine lets nobody change the root: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	go func() { c.err = c.cmd.Wait(); close(c.gone) }()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.gone
		if t.Failed() {
			t.Logf("%s said:\n%s", name, c.log)
		}
	})
	return c
}

// confined is for root a change of root and user; for anybody else the same in a user namespace.
func confined(t *testing.T, root, user string) *syscall.SysProcAttr {
	t.Helper()
	var uid, gid uint32
	if _, err := fmt.Sscanf(user, "%d:%d", &uid, &gid); err != nil || uid == 0 || gid == 0 {
		t.Fatalf("the image's user is %q", user)
	}
	attributes := &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: gid, NoSetGroups: true}}
	if os.Geteuid() != 0 {
		attributes.Cloneflags = syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(uid), HostID: os.Geteuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(gid), HostID: os.Getegid(), Size: 1}}
	}
	return attributes
}

// unpack lays an image's files out, which must be its binary alone.
func unpack(t *testing.T, image v1.Image) string {
	t.Helper()
	root := t.TempDir()
	layers := mutate.Extract(image)
	defer layers.Close()
	var names []string
	for r := tar.NewReader(layers); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := program.Write(filepath.Join(root, filepath.Base(header.Name)), data, os.FileMode(header.Mode)); err != nil { //nolint:gosec // a mode
			t.Fatal(err)
		}
	}
	if strings.Join(names, " ") != "app" {
		t.Errorf("the image holds %v", names)
	}
	return root
}

// ready waits until a process says that it is.
func (c *container) ready(t *testing.T, address string) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		status, body := ask(t, http.MethodGet, "http://"+address+"/readyz", nil)
		if last = fmt.Sprint(status, " ", body); status == http.StatusOK {
			return
		}
		select {
		case <-c.gone:
			t.Fatalf("the process ended with %v", c.err)
		default:
		}
	}
	t.Fatalf("not ready: %s", last)
}

// stop sends SIGTERM; the process must end by itself, within the grace that a cluster gives, and well.
func (c *container) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if <-c.gone; c.err != nil {
		t.Errorf("the process ended with %v", c.err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

func ask(t *testing.T, method, url string, body []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(answer)
}

// free are addresses where nobody listens.
func free(t *testing.T, n int) []string {
	t.Helper()
	var all []string
	for range n {
		all = append(all, port.Free(t))
	}
	return all
}

// payment is the documented example, moved to now.
func payment(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(source + "/shared/event/testdata/transaction.json")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	return []byte(strings.NewReplacer("E12345678202611231430aB3dE5fG7hI", "E12345678"+now.Format("200601021504")+"aB3dE5fG7hI",
		"2026-11-23T14:30:12.345Z", now.Format("2006-01-02T15:04:05.000Z")).Replace(string(data)))
}

// cloud starts what the processes talk to and returns their environment. What they are not given they do not need to start.
func cloud(t *testing.T) (*pixtest.Cloud, []string) {
	t.Helper()
	c, err := pixtest.Start(t.Context(), pixtest.Options{PubSub: true, Bigtable: true, KafkaTopics: map[string]int32{event.KafkaTransactions: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := store.CreateSchema(t.Context(), store.Config{ProjectID: c.ProjectID, InstanceID: "sentinela"}, store.Retention{}, c.BigtableOptions()...); err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(t.Context(), bus.Config{ProjectID: c.ProjectID}, c.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	for _, topic := range event.Topics() {
		if err := b.EnsureTopic(t.Context(), topic.Name); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.EnsureSubscription(t.Context(), bus.Subscription{Name: "test", Topic: event.TopicTransactions}); err != nil {
		t.Fatal(err)
	}
	return c, append(c.Env(), "PROJECT_ID="+c.ProjectID, "TOKEN_KEY="+keytest.Base64("k"))
}

func settings(base []string, more ...string) []string {
	return append(append(append([]string(nil), base...), "VERIFY_CALLERS=off", "BIGTABLE_INSTANCE=sentinela", "DECISION_TIMEOUT=10s", "STORE_DEADLINE=9s"), more...)
}

// TestScorerInAnEmptyRoot: its image decides, without a file beside its binary: zone, roots, models and policy are in it.
func TestScorerInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	_, env := cloud(t)
	at := free(t, 2)
	c := start(t, "scorer", settings(env, "LISTEN_ADDR="+at[0], "ADMIN_ADDR="+at[1])...)
	c.ready(t, at[1])
	if status, answer := ask(t, http.MethodPost, "http://"+at[0]+"/v1/decisions", payment(t)); status != http.StatusOK {
		t.Errorf("a payment is answered %d %s", status, answer)
	}
	c.stop(t)
}

// TestFunctionsInAnEmptyRoot: one image serves each function of the roster; where BigQuery is, nobody listens.
func TestFunctionsInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	_, env := cloud(t)
	for _, name := range roster.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := free(t, 3)
			_, port, err := net.SplitHostPort(at[0])
			if err != nil {
				t.Fatal(err)
			}
			c := start(t, "functions", settings(env, "FUNCTION_TARGET="+name, "PORT="+port, "ADMIN_ADDR="+at[1], "LAKE=gs://lake",
				"BIGQUERY_STORAGE_EMULATOR_HOST="+at[2], "BIGQUERY_EMULATOR_HOST=http://"+at[2], "STORAGE_EMULATOR_HOST="+at[2])...)
			c.ready(t, at[1])
			if status, answer := ask(t, http.MethodPost, "http://"+at[0]+"/push", []byte(`{}`)); status != http.StatusBadRequest {
				t.Errorf("a push of nothing is answered %d %s", status, answer)
			}
			c.stop(t)
		})
	}
}

// TestBridgeInAnEmptyRoot: its image carries a payment.
func TestBridgeInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	outside, env := cloud(t)
	at := free(t, 1)
	c := start(t, "kafka-bridge", append(env, "LISTEN_ADDR="+at[0], "KAFKA_BROKERS="+strings.Join(outside.KafkaBrokers, ","))...)
	c.ready(t, at[0])
	produce(t, outside, payment(t))
	carried(t, outside)
	c.stop(t)
}
