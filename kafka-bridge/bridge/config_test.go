package bridge_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// deps is enough for a bridge that never runs.
func deps(tb testing.TB) bridge.Deps {
	tb.Helper()
	return bridge.Deps{Tokenizer: tokenizer(tb), Registry: obs.NewRegistry(), Log: slog.New(slog.DiscardHandler)}
}

func TestConfigReportsEveryProblem(t *testing.T) {
	t.Parallel()
	cfg := bridge.Config{
		SASLMechanism: "hunter2", MemoryLimit: -1, MaxInFlightBytes: -1, MaxInFlightRecords: -1, MaxPollRecords: -1, FetchMaxBytes: -1,
		CommitInterval: -1, SessionTimeout: -1, DrainTimeout: time.Minute, RevokeTimeout: -1,
	}
	_, err := bridge.New(cfg, deps(t))
	if pix.KindOf(err) != pix.Invalid {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{
		"KAFKA_BROKERS", "KAFKA_SASL_MECHANISM", "MEMORY_LIMIT", "MAX_IN_FLIGHT_BYTES", "MAX_IN_FLIGHT_RECORDS", "MAX_POLL_RECORDS",
		"FETCH_MAX_BYTES", "COMMIT_INTERVAL", "SESSION_TIMEOUT", "DRAIN_TIMEOUT", "REVOKE_TIMEOUT",
	} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not reported", name)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the error quotes a value")
	}
	for name, bad := range map[string]bridge.Config{
		"broker without a port": {Brokers: []string{"kafka"}},
		"a long session":        {Brokers: []string{"kafka:9092"}, SessionTimeout: 45 * time.Second},
		"a long drain":          {Brokers: []string{"kafka:9092"}, DrainTimeout: 8 * time.Second},
		"SASL without user":     {Brokers: []string{"kafka:9092"}, SASLMechanism: "PLAIN"},
	} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	good := bridge.Config{Brokers: []string{"kafka:9092"}, SASLMechanism: "SCRAM-SHA-512", SASLUser: "u", SASLPassword: "p"}
	if err := good.Validate(); err != nil {
		t.Errorf("a good configuration is refused: %v", err)
	}
}
