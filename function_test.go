package function

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
	"github.com/sentinela-pix/sentinela/shared/pixtest/transcript"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// portVariable makes the test binary a function's process: the framework's own server, which cannot be stopped.
const portVariable = "FUNCTION_TEST_PORT"

func TestMain(m *testing.M) {
	if port := os.Getenv(portVariable); port != "" {
		fmt.Fprintln(os.Stderr, funcframework.StartHostPort("127.0.0.1", port))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// process is one function, run as Cloud Run would.
type process struct {
	url   string
	token string // of the caller; empty sends none
	log   *transcript.Buffer
	cmd   *exec.Cmd
}

func startFunction(t *testing.T, target string, env ...string) *process {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p := &process{url: "http://127.0.0.1:" + port, log: new(transcript.Buffer)}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(append(os.Environ(), env...), "FUNCTION_TARGET="+target, portVariable+"="+port)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	p.cmd = cmd
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", target, p.log)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", target, err)
		}
	}
}

// push delivers one message as a push subscription does, again while it is refused.
func (p *process) push(t *testing.T, data []byte, attributes string) {
	t.Helper()
	body := fmt.Sprintf(`{"message":{"data":%q,"attributes":{%s},"messageId":"1"},"deliveryAttempt":1}`, base64.StdEncoding.EncodeToString(data), attributes)
	var last string
	for range 20 {
		status, answer := post(t, p.url, p.token, []byte(body))
		if status == http.StatusNoContent {
			return
		}
		last = fmt.Sprint(status, " ", answer)
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatalf("the message was never acknowledged: %s", last)
}

func post(t *testing.T, url, token string, body []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// payment is the documented example, moved to now.
func payment(t *testing.T) (id string, data []byte) {
	t.Helper()
	data, err := os.ReadFile("shared/event/testdata/transaction.json")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	id = "E12345678" + now.Format("200601021504") + "aB3dE5fG7hI"
	text := strings.NewReplacer("E12345678202611231430aB3dE5fG7hI", id, "2026-11-23T14:30:12.345Z", now.Format("2006-01-02T15:04:05.000Z")).Replace(string(data))
	return id, []byte(text)
}

// receive waits for the first message of a topic's subscription.
func receive(t *testing.T, cloud *pixtest.Cloud, subscription string) event.Envelope {
	t.Helper()
	all := receiveUntil(t, cloud, subscription, func(event.Envelope) bool { return true })
	if len(all) == 0 {
		t.Fatal("no decision was published")
	}
	return all[0]
}

// receiveUntil collects a subscription's messages until enough says so, or for a while.
func receiveUntil(t *testing.T, cloud *pixtest.Cloud, subscription string, enough func(event.Envelope) bool) []event.Envelope {
	t.Helper()
	client, err := pubsub.NewClient(t.Context(), cloud.ProjectID, cloud.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var mu sync.Mutex
	var got []event.Envelope
	err = client.Subscriber(subscription).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		mu.Lock()
		defer mu.Unlock()
		got = append(got, event.Envelope{Data: m.Data, Attributes: m.Attributes})
		if enough(got[len(got)-1]) {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return got
}

// startCloud prepares every service that the functions need and returns their environment.
func startCloud(t *testing.T) (*pixtest.Cloud, []string) {
	t.Helper()
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{PubSub: true, Bigtable: true, BigQuery: bq.Start})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	if err := store.CreateSchema(t.Context(), store.Config{ProjectID: cloud.ProjectID, InstanceID: "i"}, store.Retention{}, cloud.BigtableOptions()...); err != nil {
		t.Fatal(err)
	}
	if err := warehouse.EnsureSchema(t.Context(), warehouse.Config{ProjectID: cloud.ProjectID, Dataset: "fraud"}, cloud.BigQueryOptions()...); err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(t.Context(), bus.Config{ProjectID: cloud.ProjectID}, cloud.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	for _, topic := range []string{event.TopicDecisions, event.TopicDeadLetter} {
		if err := b.EnsureTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		if err := b.EnsureSubscription(t.Context(), bus.Subscription{Name: topic + "-test", Topic: topic}); err != nil {
			t.Fatal(err)
		}
	}
	return cloud, append(cloud.Env(), "PROJECT_ID="+cloud.ProjectID, "BIGTABLE_INSTANCE=i", "VERIFY_CALLERS=off",
		"DECISION_TIMEOUT=10s", "STORE_DEADLINE=9s", // a busy test machine is not a degraded store
		"TOKEN_KEY="+keytest.Base64("k"))
}

// strangers expects that no function takes anything from somebody without a token, whatever the path.
func strangers(t *testing.T, functions ...*process) {
	t.Helper()
	body := []byte(`{"message":{"data":"e30=","messageId":"1"},"deliveryAttempt":99}`)
	for _, f := range functions {
		for _, path := range []string{"/", "/push", "/v1/decisions", "/v2/decisions", "/metrics", "/healthz", "/readyz", "/debug/pprof/"} {
			status, answer := post(t, f.url+path, "", body)
			if status != http.StatusUnauthorized && (status != http.StatusNotFound || path == "/") {
				t.Errorf("%s%s answers %d %s without a token", f.url, path, status, answer)
			}
		}
	}
}

// TestPaymentThroughTheFramework runs score and audit as Cloud Run would and follows one payment to its audit row.
func TestPaymentThroughTheFramework(t *testing.T) {
	t.Parallel()
	cloud, env := startCloud(t)
	i, err := issuer.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	const pusher, core, audience = "push@p.iam.gserviceaccount.com", "core@bank.example", "https://functions.example"
	env = append(env, "VERIFY_CALLERS=on", "PUSH_ISSUER="+i.URL(), "PUSH_AUDIENCE="+audience, "PUSH_SERVICE_ACCOUNTS="+pusher,
		"CALLER_ISSUER="+i.URL(), "CALLER_AUDIENCE="+audience, "CALLERS="+core+"=decide")
	scorer, auditor := startFunction(t, "score", env...), startFunction(t, "audit", env...)
	strangers(t, scorer, auditor, startFunction(t, "alert", env...), startFunction(t, "label", env...))
	asking, err := i.Mint(i.Of(core, audience, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	if scorer.token, err = i.Mint(i.Of(pusher, audience, time.Now())); err != nil {
		t.Fatal(err)
	}
	auditor.token = scorer.token
	id, data := payment(t)

	scorer.push(t, data, "")
	decision := receive(t, cloud, event.TopicDecisions+"-test")
	d, err := event.DecodeDecision(decision, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if string(d.ID()) != id || len(d.Scores) == 0 || d.FeaturesMissing {
		t.Errorf("decision of %s: %d scores, features missing: %v", d.ID(), len(d.Scores), d.FeaturesMissing)
	}
	status, answer := post(t, scorer.url+"/v1/decisions", asking, data)
	if status != http.StatusOK || !strings.Contains(answer, id) {
		t.Errorf("the same payment over HTTP: %d %s", status, answer)
	}
	for _, wrong := range []string{scorer.url + "/v2/decisions", scorer.url + "/v1/decisions/", auditor.url + "/v1/decisions"} {
		if status, answer := post(t, wrong, asking, data); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", wrong, status, answer)
		}
	}
	auditor.push(t, decision.Data, fmt.Sprintf("%q:%q", event.AttrEncoding, decision.Attributes[event.AttrEncoding]))

	reader, err := warehouse.OpenReader(t.Context(), warehouse.Config{ProjectID: cloud.ProjectID, Dataset: "fraud"}, cloud.BigQueryOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	row, err := reader.Query(t.Context(), "SELECT * FROM fraud.decisions_latest WHERE event_time > TIMESTAMP '2026-01-01 00:00:00+00'", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(row.Rows) != 1 || row.Rows[0][0] != id {
		t.Fatalf("audit rows: %v", row.Rows)
	}
	for _, raw := range []string{"52998224725", "529.982", "1234567-8", "Maria", "12ABC345", "contato@", "android-pixel"} {
		for where, text := range map[string]string{
			"the audit row": fmt.Sprint(row.Rows), "the decision": string(decision.Data) + fmt.Sprint(decision.Attributes),
			"the answer": answer, "score's log": scorer.log.String(), "audit's log": auditor.log.String(),
		} {
			if strings.Contains(text, raw) {
				t.Errorf("%s holds the raw value %q", where, raw)
			}
		}
	}
}

// TestSIGTERM ends the instance while callers ask: what was answered is published before the process has gone, though the
// framework itself would have ended it at once.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	cloud, env := startCloud(t)
	p := startFunction(t, "score", env...)
	_, data := payment(t)
	var mu sync.Mutex
	answered, enough := map[string]bool{}, make(chan struct{})
	var callers sync.WaitGroup
	for c := range 4 {
		callers.Go(func() {
			for n := range 10_000 {
				id := fmt.Sprintf("%s%05d%06d", "E12345678"+time.Now().UTC().Format("200601021504"), c, n)
				status, err := tryPost(t, p.url+"/v1/decisions", bytes.Replace(data, idOf(data), []byte(id), 1))
				if err != nil || status != http.StatusOK {
					return // the instance is stopping, or has gone
				}
				mu.Lock()
				answered[id] = true
				if len(answered) == 50 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(60 * time.Second):
		t.Fatal("the function does not answer")
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	callers.Wait()
	began := time.Now()
	_ = p.cmd.Wait() // of the signal
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	missing := maps.Clone(answered)
	receiveUntil(t, cloud, event.TopicDecisions+"-test", func(e event.Envelope) bool {
		if d, err := event.DecodeDecision(e, time.Now()); err == nil {
			delete(missing, string(d.ID()))
		}
		return len(missing) == 0
	})
	if len(missing) > 0 {
		t.Errorf("%d of %d answered decisions were not published", len(missing), len(answered))
	}
	t.Logf("%d decisions answered before the stop", len(answered))
}

// idOf finds the EndToEndId in a payment's JSON.
func idOf(data []byte) []byte {
	at := bytes.Index(data, []byte("E12345678"))
	return data[at : at+32]
}

// tryPost is post for a process that may have gone.
func tryPost(t *testing.T, url string, body []byte) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// A function that cannot be built says so with a status that is retried, names every problem in its log and goes on.
func TestMisconfiguredFunction(t *testing.T) {
	t.Parallel()
	p := startFunction(t, "score", "PROJECT_ID=", "BIGTABLE_INSTANCE=", "TOKEN_KEY=")
	status, _ := post(t, p.url, "", []byte(`{}`))
	if status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", status)
	}
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(p.log.String(), "not built") && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // the line comes through a pipe
	}
	for _, name := range []string{"PROJECT_ID", "BIGTABLE_INSTANCE", "TOKEN_KEY", "PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNTS"} {
		if !strings.Contains(p.log.String(), name) {
			t.Errorf("the log does not name %s:\n%s", name, p.log)
		}
	}
}
