package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// endpoint is a variable that names something that should answer.
type endpoint struct {
	variable string
	unset    string // what that means
	ask      func(ctx context.Context, value string) error
}

const google = "not set: Google's own service is meant"

func endpoints() []endpoint {
	return []endpoint{
		{"KAFKA_BROKERS", "not set: only the bridge and dlq replay -from-kafka need it", askKafka},
		{"PUBSUB_EMULATOR_HOST", google, askGRPC},
		{"BIGTABLE_EMULATOR_HOST", google, askGRPC},
		{"BIGQUERY_EMULATOR_HOST", google, askHTTP},
		{"BIGQUERY_STORAGE_EMULATOR_HOST", google, askGRPC},
		{"STORAGE_EMULATOR_HOST", google, askHTTP},
		{"SCORER_URL", "not set: only pixctl load and whoever asks for decisions need it", askReady},
		{"METRICS_URL", "not set: metrics are not looked at", askHTTP},
	}
}

const restart = "build/pixctl demo -serve > build/endpoints.env, then read its lines again; or unset "

// environment asks everything that the variables name, side by side.
func environment(ctx context.Context, m *machine) []finding {
	list := make([]finding, len(endpoints()))
	var asking sync.WaitGroup
	for i, e := range endpoints() {
		asking.Go(func() { list[i] = e.look(ctx, m) })
	}
	asking.Wait()
	return mixed(list, m.getenv)
}

// mixed warns where some of Google's services are emulators and others are not: one run would write to both.
func mixed(list []finding, getenv func(string) string) []finding {
	set := func(e endpoint) bool { return getenv(e.variable) != "" }
	emulated := slices.ContainsFunc(endpoints(), func(e endpoint) bool { return e.unset == google && set(e) })
	for i, e := range endpoints() {
		if emulated && e.unset == google && !set(e) {
			list[i] = warn(e.variable, restart+"the other emulators", "not set, while other emulators are: Google's own service is meant")
		}
	}
	return list
}

func (e endpoint) look(ctx context.Context, m *machine) finding {
	value := m.getenv(e.variable)
	if value == "" {
		return ok(e.variable, "%s", e.unset)
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	if err := e.ask(ctx, value); err != nil {
		return wrong(e.variable, restart+e.variable, "%s: %v", value, err)
	}
	return ok(e.variable, "%s answers", value)
}

// askGRPC takes every answer of a gRPC server for one: emulators know no health service.
func askGRPC(ctx context.Context, address string) error {
	client, err := grpc.NewClient("passthrough:///"+bare(address), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("not an address: %w", err)
	}
	defer func() { _ = client.Close() }()
	_, err = healthpb.NewHealthClient(client).Check(ctx, &healthpb.HealthCheckRequest{})
	if code := status.Code(err); code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.Canceled {
		return fmt.Errorf("does not answer: %w", err)
	}
	return nil
}

func bare(address string) string {
	_, rest, found := strings.Cut(address, "://")
	if !found {
		return address
	}
	return strings.TrimSuffix(rest, "/")
}

func askHTTP(ctx context.Context, url string) error {
	_, _, err := get(ctx, url)
	return err
}

// askReady wants a scorer that would decide.
func askReady(ctx context.Context, url string) error {
	code, body, err := get(ctx, strings.TrimSuffix(url, "/")+"/readyz")
	if err == nil && code == http.StatusServiceUnavailable {
		err = fmt.Errorf("is not ready: %s", strings.Join(strings.Fields(body), " "))
	}
	return err
}

func get(ctx context.Context, url string) (code int, body string, err error) {
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", fmt.Errorf("not an address: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("does not answer: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 300))
	if err != nil {
		return 0, "", fmt.Errorf("does not answer: %w", err)
	}
	return answer.StatusCode, string(text), nil
}

func askKafka(ctx context.Context, brokers string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		return fmt.Errorf("not addresses: %w", err)
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("does not answer: %w", err)
	}
	return nil
}
