package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// What scripts/conformance/scorer.sh gives this file's test: the real binary, and a memory cgroup where one can be made.
const (
	binaryVariable = "SCORE_BINARY"
	cgroupVariable = "SCORE_CGROUP"
)

const patience = 2 * time.Minute

// scorer is a process of its own, with a network between it and the cloud.
type scorer struct {
	cloud       *pixtest.Cloud
	store, bus  *fault.Proxy
	cmd         *exec.Cmd
	url, admin  string
	log         *bytes.Buffer
	ended       chan error
	client      *http.Client
	subscriber  *pubsub.Client
	payments    [][]byte
	ids         []string
	next        atomic.Int64
	publishedBy map[string]bool // ids on the decisions topic
}

// newScorer starts the cloud, the network and the binary.
func newScorer(t *testing.T) *scorer {
	t.Helper()
	if os.Getenv(binaryVariable) == "" {
		t.Skip("run scripts/conformance/scorer.sh")
	}
	s := &scorer{cloud: startCloud(t), log: new(bytes.Buffer), ended: make(chan error, 1), publishedBy: map[string]bool{}}
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}, Timeout: patience}
	s.store, s.bus = s.proxy(t, s.cloud.BigtableEndpoint), s.proxy(t, s.cloud.PubSubEndpoint)
	b, err := bus.Open(t.Context(), bus.Config{ProjectID: s.cloud.ProjectID}, s.cloud.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close(context.Background()) }()
	if err := b.EnsureTopic(t.Context(), event.TopicDeadLetter); err != nil {
		t.Fatal(err)
	}
	if s.subscriber, err = pubsub.NewClient(t.Context(), s.cloud.ProjectID, s.cloud.PubSubOptions()...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.subscriber.Close() })
	s.generate(t, 45_000)
	s.start(t)
	return s
}

func (s *scorer) proxy(t *testing.T, target string) *fault.Proxy {
	t.Helper()
	p, err := fault.NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// generate makes payments of a week that ended yesterday.
func (s *scorer) generate(t *testing.T, n int) {
	t.Helper()
	w := world.New(world.Params{Seed: 11, Start: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -8), Days: 7, Accounts: 10_000})
	for range n {
		e, ok := w.Next()
		if !ok {
			t.Fatalf("the world ended after %d payments", len(s.payments))
		}
		data, err := event.EncodeSubmissionJSON(&e.Submission)
		if err != nil {
			t.Fatal(err)
		}
		s.payments, s.ids = append(s.payments, data), append(s.ids, string(e.Submission.ID))
	}
}

// start runs the binary inside the cgroup, with a collector of traces that takes connections and says nothing.
func (s *scorer) start(t *testing.T) {
	t.Helper()
	address, operators := port.Free(t), port.Free(t)
	s.url, s.admin = "http://"+address, "http://"+operators
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), "/bin/sh", "-c",
		`[ -z "$`+cgroupVariable+`" ] || echo $$ >"$`+cgroupVariable+`/cgroup.procs"; exec "$`+binaryVariable+`"`)
	s.cmd.Env = append(append(os.Environ(), s.cloud.Env()...), "LISTEN_ADDR="+address, "ADMIN_ADDR="+operators, "VERIFY_CALLERS=off", "PROJECT_ID="+s.cloud.ProjectID, "BIGTABLE_INSTANCE=i",
		"BIGTABLE_EMULATOR_HOST="+s.store.Addr(), "PUBSUB_EMULATOR_HOST="+s.bus.Addr(), "LOG_LEVEL=WARN",
		"TRACE_SAMPLE_RATIO=1", "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+silent(t), "HANDLE_TIMEOUT=10s",
		"TOKEN_KEY="+keytest.Base64("k"))
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- s.cmd.Wait() }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		if t.Failed() {
			said := s.log.Bytes()
			t.Logf("the scorer said last:\n%s", said[max(0, len(said)-6000):])
		}
	})
	s.until(t, "it becomes ready", func() bool { status, _ := get(t, s.admin+"/readyz"); return status == http.StatusOK })
}

// until waits for ok while the process lives.
func (s *scorer) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		s.alive(t)
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func (s *scorer) alive(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.ended:
		s.ended <- err
		t.Fatalf("the scorer ended by itself: %v", err)
	default:
	}
}

// send posts a body and returns the status, 0 when there was no answer.
func (s *scorer) send(ctx context.Context, path string, body io.Reader) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, body)
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	if bytes.Contains(answer, []byte(`"provisional":`)) {
		return provisional
	}
	return response.StatusCode
}

// provisional stands for an answer of 200 that is no decision.
const provisional = -1

// pushed is what a push subscription posts.
func pushed(id string, payload []byte) []byte {
	return fmt.Appendf(nil, `{"message":{"data":%q,"messageId":%q,"publishTime":%q},"subscription":"s"}`,
		base64.StdEncoding.EncodeToString(payload), id, time.Now().UTC().Format(time.RFC3339Nano))
}

// pay sends the next payment, by every other way, and returns its id and whether it was decided.
func (s *scorer) pay(ctx context.Context, path string) (n int, status int) {
	n = int(s.next.Add(1)) % len(s.payments)
	body := s.payments[n]
	if path == "/push" {
		body = pushed(strconv.Itoa(n), body)
	}
	return n, s.send(ctx, path, bytes.NewReader(body))
}

// crowd runs work in so many goroutines until the time is over and counts what it returns.
func crowd(t *testing.T, size int, during time.Duration, work func(ctx context.Context) int) map[int]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var mu sync.Mutex
	counts := map[int]int{}
	var all sync.WaitGroup
	for range size {
		all.Go(func() {
			for ctx.Err() == nil {
				status := work(t.Context())
				mu.Lock()
				counts[status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return counts
}

// stubborn posts a body until it is acknowledged or refused for good, as Pub/Sub does.
func (s *scorer) stubborn(t *testing.T, path string, body []byte) (status, attempts int) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		attempts++
		if status = s.send(t.Context(), path, bytes.NewReader(body)); status != 0 && status != http.StatusTooManyRequests {
			return status, attempts
		}
	}
	return status, attempts
}

// healthy fails the test unless payments are decided by both ways in and published.
func (s *scorer) healthy(t *testing.T) {
	t.Helper()
	want := map[string]bool{}
	for n := range 40 {
		path, fine := "/push", http.StatusNoContent
		if n%2 == 0 {
			path, fine = "/v1/decisions", http.StatusOK
		}
		s.until(t, "a payment on "+path, func() bool {
			i, status := s.pay(t.Context(), path)
			if status == fine {
				want[s.ids[i]] = true
			}
			return status == fine
		})
	}
	s.until(t, "published", func() bool {
		s.pull(t)
		for id := range want {
			if !s.publishedBy[id] {
				return false
			}
		}
		return true
	})
}

// pull takes what is on the decisions topic.
func (s *scorer) pull(t *testing.T) {
	t.Helper()
	name := "projects/" + s.cloud.ProjectID + "/subscriptions/test"
	for {
		response, err := s.subscriber.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{
			Subscription: name, MaxMessages: 1000, ReturnImmediately: true, //nolint:staticcheck // pstest would sleep otherwise
		})
		if err != nil || len(response.GetReceivedMessages()) == 0 {
			return
		}
		ids := make([]string, 0, len(response.GetReceivedMessages()))
		for _, m := range response.GetReceivedMessages() {
			ids = append(ids, m.GetAckId())
			s.publishedBy[m.GetMessage().GetAttributes()[event.AttrEventID]] = true
		}
		if err := s.subscriber.SubscriptionAdminClient.Acknowledge(t.Context(), &pubsubpb.AcknowledgeRequest{Subscription: name, AckIds: ids}); err != nil {
			t.Error(err)
		}
	}
}

// cgroupFile reads a file of the cgroup by whichever of its names this kernel has.
func cgroupFile(names ...string) string {
	for _, name := range names {
		if data, err := os.ReadFile(filepath.Join(os.Getenv(cgroupVariable), name)); err == nil {
			return strings.TrimSpace(string(data))
		}
	}
	return ""
}

// peak is the most that the process had in memory since the last call, in MiB.
func (s *scorer) peak(t *testing.T) float64 {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatal("no VmHWM")
	}
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	_ = os.WriteFile(proc+"clear_refs", []byte("5"), 0o600) // begins it anew
	return float64(kib) / 1024
}

// goroutines is how many the process has.
func (s *scorer) goroutines(t *testing.T) string {
	t.Helper()
	_, metrics := get(t, s.admin+"/metrics")
	m := regexp.MustCompile(`(?m)^go_goroutines (\d+)$`).FindStringSubmatch(metrics)
	if m == nil {
		return "?"
	}
	return m[1]
}

// TestMemory: within 256 MiB, whatever is sent and whatever is away, the process lives, and payments are decided and
// published when it is over.
func TestMemory(t *testing.T) { //nolint:paralleltest // measures a process that must have the machine
	s := newScorer(t)
	s.healthy(t)
	t.Logf("%-44s %4.0f MiB", "at rest", s.peak(t))
	for _, phase := range phases() {
		if !t.Run(phase.name, func(t *testing.T) {
			began := time.Now()
			found := phase.run(t, s)
			s.alive(t)
			s.healthy(t)
			t.Logf("%4.0f MiB, %s goroutines afterwards, %3.0f s: %s", s.peak(t), s.goroutines(t), time.Since(began).Seconds(), found)
		}) {
			break
		}
	}
	if events := cgroupFile("memory.events", "memory.oom_control"); strings.Contains(events, "oom_kill ") && !strings.Contains(events, "oom_kill 0") {
		t.Errorf("the kernel killed for memory: %s", events)
	}
	t.Logf("the cgroup's peak: %s bytes of %s", cgroupFile("memory.peak", "memory.max_usage_in_bytes"), cgroupFile("memory.max", "memory.limit_in_bytes"))
}

// dial opens a connection to the scorer.
func (s *scorer) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
