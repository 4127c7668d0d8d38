package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// asServer makes the test binary the server itself.
const asServer = "SCORE_SERVER_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func startCloud(t *testing.T) *pixtest.Cloud {
	t.Helper()
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{PubSub: true, Bigtable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	if err := store.CreateSchema(t.Context(), store.Config{ProjectID: cloud.ProjectID, InstanceID: "i"}, store.Retention{}, cloud.BigtableOptions()...); err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(t.Context(), bus.Config{ProjectID: cloud.ProjectID}, cloud.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	if err := b.EnsureTopic(t.Context(), event.TopicDecisions); err != nil {
		t.Fatal(err)
	}
	if err := b.EnsureSubscription(t.Context(), bus.Subscription{Name: "test", Topic: event.TopicDecisions}); err != nil {
		t.Fatal(err)
	}
	return cloud
}

// slow is a proxy that delays what goes to a server, so that published messages stay in flight for a while.
func slow(t *testing.T, target string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var pumps sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		pumps.Wait()
	})
	pumps.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			pumps.Go(func() { pump(server, client, 200*time.Millisecond) })
			pumps.Go(func() { pump(client, server, 0) })
		}
	})
	return listener.Addr().String()
}

func pump(to, from net.Conn, delay time.Duration) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		time.Sleep(delay)
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// startServer returns the running server, with a slow way to the bus, its URL and that of its operators. Unless a setting
// says otherwise it verifies nobody.
func startServer(t *testing.T, cloud *pixtest.Cloud, settings ...string) (cmd *exec.Cmd, url, admin string) {
	t.Helper()
	address, operators := port.Free(t), port.Free(t)
	cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(append(os.Environ(), cloud.Env()...), asServer+"=1", "PUBSUB_EMULATOR_HOST="+slow(t, cloud.PubSubEndpoint), "LISTEN_ADDR="+address, "ADMIN_ADDR="+operators, "LOG_LEVEL=WARN", "VERIFY_CALLERS=off",
		"PROJECT_ID="+cloud.ProjectID, "BIGTABLE_INSTANCE=i",
		"DECISION_TIMEOUT=10s", "STORE_DEADLINE=9s", // a busy test machine is not a degraded store
		"TOKEN_KEY="+keytest.Base64("k"))
	cmd.Env = append(cmd.Env, settings...)
	log := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the server said:\n%s", log)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if status, _ := get(t, "http://"+operators+"/readyz"); status == http.StatusOK {
			return cmd, "http://" + address, "http://" + operators
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not become ready")
		}
	}
}

// payment is the documented example, moved to now, with the n-th id.
func payment(t *testing.T, n int) (id string, data []byte) {
	t.Helper()
	data, err := os.ReadFile("../../../shared/event/testdata/transaction.json")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	id = fmt.Sprintf("E12345678%s%011d", now.Format("200601021504"), n)
	return id, []byte(strings.NewReplacer("E12345678202611231430aB3dE5fG7hI", id, "2026-11-23T14:30:12.345Z", now.Format("2006-01-02T15:04:05.000Z")).Replace(string(data)))
}

// loadPause keeps what is asked for below what the slow way to the bus can publish, 160 a second, however fast the machine is.
const loadPause = 50 * time.Millisecond

// load posts payments until the server refuses them and returns the ids that were decided.
func load(t *testing.T, url string, started chan<- struct{}) map[string]bool {
	t.Helper()
	var mu sync.Mutex
	decided := map[string]bool{}
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for i := range 10_000 {
				time.Sleep(loadPause)
				id, data := payment(t, w*10_000+i)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/decisions", bytes.NewReader(data))
				if err != nil {
					t.Error(err)
					return
				}
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					return // the server stopped
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode == http.StatusOK {
					mu.Lock()
					decided[id] = true
					n := len(decided)
					mu.Unlock()
					if n == 50 {
						close(started)
					}
				}
			}
		})
	}
	workers.Wait()
	return decided
}

// published reads the decisions topic until every wanted id was seen or time is up.
func published(t *testing.T, cloud *pixtest.Cloud, want map[string]bool) map[string]bool {
	t.Helper()
	client, err := pubsub.NewClient(t.Context(), cloud.ProjectID, cloud.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	var mu sync.Mutex
	seen := map[string]bool{}
	err = client.Subscriber("test").Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		d, err := event.DecodeDecision(event.Envelope{Data: m.Data, Attributes: m.Attributes}, time.Now())
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if want[string(d.ID())] {
			seen[string(d.ID())] = true
		}
		if len(seen) == len(want) {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// TestSIGTERMUnderLoad: what was answered is published, within the grace time and with a clean exit.
func TestSIGTERMUnderLoad(t *testing.T) {
	t.Parallel()
	cloud := startCloud(t)
	cmd, url, admin := startServer(t, cloud)
	for _, elsewhere := range []string{url + "/anything", url + "/healthz", url + "/readyz", url + "/metrics", admin + "/push", admin + "/v1/decisions", admin + "/"} {
		if status, _ := get(t, elsewhere); status != http.StatusNotFound {
			t.Errorf("%s answers %d, want 404", elsewhere, status)
		}
	}
	started := make(chan struct{})
	result := make(chan map[string]bool, 1)
	go func() { result <- load(t, url, started) }()
	<-started
	for path, want := range map[string]string{"/healthz": "", "/metrics": "pix_decisions_total"} {
		if status, body := get(t, admin+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
	begin := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	decided := <-result
	if seen := published(t, cloud, decided); len(seen) != len(decided) {
		t.Errorf("%d of %d answered decisions were published", len(seen), len(decided))
	}
	t.Logf("%d decisions answered before the stop", len(decided))
}

// postTo posts something and follows no redirect.
func postTo(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func decide(t *testing.T, url string, data []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/decisions", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// silent is an address that takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestStoreAwayLeavesItReady: what is away for all takes no pod out, whatever is asked of it meanwhile; callers get
// answers that say what they are, and whoever asks under a wrong path is told so.
func TestStoreAwayLeavesItReady(t *testing.T) {
	t.Parallel()
	_, url, admin := startServer(t, startCloud(t), "BIGTABLE_EMULATOR_HOST="+port.Free(t), "DECISION_TIMEOUT=400ms", "STORE_DEADLINE=200ms")
	for _, path := range []string{"/anything", "/", "/push/", "//push", "/v1/decisions/", "//v1/decisions", "/metrics/"} {
		if status := postTo(t, url+path); status != http.StatusNotFound {
			t.Errorf("%s answers %d, want 404", path, status)
		}
	}
	for n := range 3 {
		_, data := payment(t, n)
		status, body := decide(t, url, data)
		if status != http.StatusOK || !strings.Contains(strings.ReplaceAll(body, " ", ""), `"provisional":true`) || strings.Contains(body, "OUTCOME_APPROVE") {
			t.Errorf("while the store is away: %d %s", status, body)
		}
		if status, _ := decide(t, url, []byte("no payment")); status != http.StatusBadRequest {
			t.Errorf("a malformed request answers %d", status)
		}
		status, body = get(t, admin+"/readyz")
		if status != http.StatusOK || !strings.Contains(body, `"models"`) || !strings.Contains(body, `"serving"`) {
			t.Errorf("/readyz answers %d %s", status, body)
		}
	}
}

// TestStopsWithoutItsNeighbours: a collector or a bus that is away neither holds up a stop nor makes it a failure, and
// what was answered is known to the store as unpublished.
func TestStopsWithoutItsNeighbours(t *testing.T) {
	t.Parallel()
	for name, setting := range map[string]string{
		"collector refuses": "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + port.Free(t),
		"collector silent":  "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + silent(t),
		"bus refuses":       "PUBSUB_EMULATOR_HOST=" + port.Free(t),
		"bus silent":        "PUBSUB_EMULATOR_HOST=" + silent(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := startCloud(t)
			cmd, url, _ := startServer(t, cloud, "TRACE_SAMPLE_RATIO=1", setting)
			id, data := payment(t, 1)
			if status, body := decide(t, url, data); status != http.StatusOK || !strings.Contains(body, `"provisional":false`) {
				t.Fatalf("%d %s", status, body)
			}
			began := time.Now()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("exit: %v", err)
			}
			took := time.Since(began)
			if took > 10*time.Second {
				t.Errorf("the stop took %v", took)
			}
			t.Logf("stopped after %v", took)
			if !strings.HasPrefix(name, "bus") {
				return
			}
			s, err := store.Open(t.Context(), store.Config{ProjectID: cloud.ProjectID, InstanceID: "i"}, cloud.BigtableOptions()...)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			marks := storetest.Marks(t, s, time.Now().Add(time.Hour))
			if len(marks) != 1 || string(marks[0].ID) != id {
				t.Errorf("marks %v; want the payment's, for a sweep", marks)
			}
		})
	}
}

// await waits for a line of the metrics.
func await(t *testing.T, url, line string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, body := get(t, url+"/metrics"); strings.Contains(body, line+"\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the metrics do not say %s", line)
		}
	}
}

// TestBadModelLeavesItReady: a pod whose model store names a broken version goes on serving the last good one, so it must
// not be taken out of service: all pods read the same store.
func TestBadModelLeavesItReady(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, models.Shipped()); err != nil {
		t.Fatal(err)
	}
	_, url, admin := startServer(t, startCloud(t), "MODELS_LOCATION="+dir, "RELOAD_EVERY=1s")
	await(t, admin, `pix_model_current{role="payer",use="champion"} 1`)
	if err := os.WriteFile(filepath.Join(dir, "payer", "current"), []byte("broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, admin, `pix_model_current{role="payer",use="champion"} 0`)
	await(t, admin, `pix_model_refusals_total{role="payer",use="champion"} 1`)
	if status, _ := get(t, admin+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answers %d after a bad model", status)
	}
	_, data := payment(t, 1)
	if status, body := decide(t, url, data); status != http.StatusOK || !strings.Contains(body, `"modelVersions"`) || strings.Contains(body, `"featuresMissing":true`) {
		t.Errorf("a decision after a bad model: %d %s", status, body)
	}
}
