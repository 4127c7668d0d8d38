package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// The test binary is the bridge when this variable says so, so that a test can send real signals to a real process.
const childVariable = "SENTINELA_BRIDGE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// slow is a Pub/Sub that takes its time, so that a signal finds messages in flight.
type slow struct{}

func (slow) React(any) (bool, any, error) {
	time.Sleep(3 * time.Millisecond)
	return false, &pubsubpb.PublishResponse{}, nil
}

// outside is what the process talks to.
type outside struct {
	kafka    *kfake.Cluster
	pubsub   *pstest.Server
	produced map[string]int
}

func newOutside(t *testing.T, payments int) *outside {
	t.Helper()
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "pix.transactions"),
		kfake.GroupMinSessionTimeout(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	pubsub := pstest.NewServer(pstest.ServerReactorOption{FuncName: "Publish", Reactor: slow{}})
	t.Cleanup(func() { _ = pubsub.Close() })
	for _, topic := range []string{event.TopicTransactions, event.TopicDeadLetter} {
		if _, err := pubsub.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/test/topics/" + topic}); err != nil {
			t.Fatal(err)
		}
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(kafka.ListenAddrs()...), kgo.DefaultProduceTopic("pix.transactions"))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	o := &outside{kafka: kafka, pubsub: pubsub, produced: map[string]int{}}
	w := world.New(world.Params{Seed: 7, Accounts: 500, Days: 60})
	for range payments {
		e, _ := w.Next()
		data, err := event.EncodeSubmissionJSON(&e.Submission)
		if err != nil {
			t.Fatal(err)
		}
		producer.Produce(t.Context(), &kgo.Record{Value: data}, nil)
		o.produced[string(e.Submission.ID)]++
	}
	if err := producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

// start runs the bridge as a process of its own.
func (o *outside) start(t *testing.T, env ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), os.Args[0])
	cmd.Env = append(os.Environ(), append([]string{
		childVariable + "=1", "KAFKA_BROKERS=" + strings.Join(o.kafka.ListenAddrs(), ","), "PROJECT_ID=test", "LISTEN_ADDR=127.0.0.1:0",
		"PUBSUB_EMULATOR_HOST=" + o.pubsub.Addr, "TOKEN_KEY=" + keytest.Base64("k"),
		"MAX_POLL_RECORDS=200", "SESSION_TIMEOUT=1s",
	}, env...)...)
	var logs bytes.Buffer
	cmd.Stderr = &logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, &logs
}

func (o *outside) published() map[string]int {
	ids := map[string]int{}
	for _, m := range o.pubsub.Messages() {
		ids[m.Attributes[event.AttrEventID]]++
	}
	return ids
}

func (o *outside) await(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(o.published()) < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d payments published", len(o.published()), n)
		}
	}
}

// SIGTERM under load: the process ends well within ten seconds, and what it published is what it committed, so that its
// successor neither loses nor repeats anything.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	o := newOutside(t, 8000)
	first, logs := o.start(t, "COMMIT_INTERVAL=1h")
	o.await(t, 500)
	started := time.Now()
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Fatalf("the process ended with %v\n%s", err, logs)
	}
	if took := time.Since(started); took > 8*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if n := len(o.published()); n == len(o.produced) {
		t.Logf("all %d were published before the signal", n)
	}
	second, _ := o.start(t)
	o.await(t, len(o.produced))
	_ = second.Process.Signal(syscall.SIGTERM)
	_ = second.Wait()
	if diff := cmp.Diff(o.produced, o.published()); diff != "" {
		t.Errorf("published payments (-want +got):\n%.1000s", diff)
	}
}

// SIGTERM when Kafka, Pub/Sub or both have just gone: the process ends within its grace and without an error, since
// nothing that was not committed is lost, and says until the end that it is stopping.
func TestSIGTERMDuringAnOutage(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*outside){
		"Kafka":   func(o *outside) { o.kafka.Close() },
		"Pub/Sub": func(o *outside) { _ = o.pubsub.Close() },
		"both":    func(o *outside) { _ = o.pubsub.Close(); o.kafka.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutside(t, 8000)
			address := port.Free(t)
			process, logs := o.start(t, "LISTEN_ADDR="+address)
			o.await(t, 500)
			away(o)
			time.Sleep(300 * time.Millisecond) // it notices, or not
			started := time.Now()
			if err := process.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- process.Wait() }()
			said := false
			for {
				select {
				case err := <-ended:
					if err != nil {
						t.Errorf("the process ended with %v\n%.3000s", err, logs)
					}
					took := time.Since(started)
					t.Logf("stopping took %v, saying so: %v", took, said)
					if took > 10*time.Second {
						t.Errorf("stopping took %v", took)
					}
					if took > 4*time.Second && !said {
						t.Error("it did not say that it is stopping")
					}
					return
				case <-time.After(100 * time.Millisecond):
					said = said || stopping(t, address)
				}
			}
		})
	}
}

// stopping tells whether readiness says so.
func stopping(t *testing.T, address string) bool {
	t.Helper()
	resp, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(body), `"stopping"`)
}

// SIGKILL at any moment: what was published and not yet committed is published again by the successor, nothing is lost.
func TestSIGKILL(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		interval   string
		duplicates int // at least
	}{
		"before the first commit": {"1h", 1000},
		"between commits":         {"100ms", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutside(t, 6000)
			first, _ := o.start(t, "COMMIT_INTERVAL="+tc.interval)
			o.await(t, 1000)
			if err := first.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = first.Wait()
			if len(o.published()) == len(o.produced) {
				t.Skip("everything was published before the kill")
			}
			second, _ := o.start(t)
			o.await(t, len(o.produced))
			_ = second.Process.Signal(syscall.SIGTERM)
			_ = second.Wait()
			got, duplicates := o.published(), 0
			for id, n := range o.produced {
				if got[id] < n {
					t.Errorf("%s was lost", id)
				}
				duplicates += got[id] - n
			}
			if duplicates < tc.duplicates {
				t.Errorf("%d duplicates, want at least %d: something was committed", duplicates, tc.duplicates)
			}
		})
	}
}

func TestConfigurationReportsEveryProblem(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"KAFKA_BROKERS": "kafka:9092", "PROJECT_ID": "test", "TOKEN_KEY": keytest.Base64("k"),
	}
	with := func(key, value string) map[string]string {
		env := maps.Clone(good)
		env[key] = value
		return env
	}
	for name, tc := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"nothing set":       {nil, []string{"KAFKA_BROKERS", "PROJECT_ID", "TOKEN_KEY"}},
		"short key":         {with("TOKEN_KEY", "c2VjcmV0"), []string{"TOKEN_KEY"}},
		"not base64":        {with("TOKEN_KEY", "hunter2!"), []string{"not base64"}},
		"same versions":     {with("PREVIOUS_TOKEN_KEY", good["TOKEN_KEY"]), []string{"TOKEN_KEY"}},
		"broker and drain":  {with("DRAIN_TIMEOUT", "1m"), []string{"DRAIN_TIMEOUT"}},
		"level":             {with("LOG_LEVEL", "loud"), []string{"LogLevel"}},
		"no place to serve": {with("LISTEN_ADDR", "256.0.0.1:1"), []string{"listen"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			err := run(ctx, envconfig.MapLookuper(tc.env), &bytes.Buffer{})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not name %s", err, want)
				}
			}
			if strings.Contains(err.Error(), "c2VjcmV0") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes a secret: %v", err)
			}
		})
	}
}
