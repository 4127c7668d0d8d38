package bridge

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What is derived from the memory and from the session, by default and at both ends.
func TestSharesOfTheLimits(t *testing.T) {
	t.Parallel()
	type shares struct {
		Heap, InFlight, Unpacked int64
		Batch, Records           int
		Fetch, Response          int32
		Request                  time.Duration
	}
	for name, c := range map[string]struct {
		cfg  Config
		want shares
	}{
		"default": {Config{}, shares{256 << 20 / 5 * 4, 24 << 20, 48 << 20, 16 << 20, 128 << 10, 2 << 20, 32 << 20, 4 * time.Second}},
		"least":   {Config{MemoryLimit: minMemory, SessionTimeout: time.Second}, shares{8 << 20 / 5 * 4, 768 << 10, 1536 << 10, 512 << 10, 4 << 10, 64 << 10, 1 << 20, 2 * time.Second}},
		"huge": {Config{MemoryLimit: 1 << 40, SessionTimeout: maxSessionTimeout}, shares{
			1 << 40 / 5 * 4, 3 << 35, 3 << 36, 1 << 30, 8 << 20, 64 << 20, 1 << 30, 4800 * time.Millisecond,
		}},
		"large fetches": {Config{FetchMaxBytes: 40 << 20}, shares{256 << 20 / 5 * 4, 24 << 20, 48 << 20, 16 << 20, 128 << 10, 40 << 20, 80 << 20, 4 * time.Second}},
		"largest fetches": {Config{FetchMaxBytes: math.MaxInt32}, shares{
			256 << 20 / 5 * 4, 24 << 20, 48 << 20, 16 << 20, 128 << 10, math.MaxInt32, 1 << 30, 4 * time.Second,
		}},
	} {
		cfg := c.cfg.withDefaults()
		got := shares{
			c.cfg.HeapLimit(), cfg.MaxInFlightBytes, cfg.maxUnpackedBytes(), cfg.maxBatchBytes(), cfg.maxBatchRecords(),
			cfg.FetchMaxBytes, cfg.maxResponseBytes(), cfg.requestTimeout(),
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The defaults are those that the comments and docs/configuration.md tell.
func TestDefaults(t *testing.T) {
	t.Parallel()
	want := Config{
		Topic: "pix.transactions", Group: "kafka-bridge", PublishTopic: "pix-transactions-v1", DeadLetterTopic: "pix-dead-letter-v1",
		MemoryLimit: 256 << 20, MaxInFlightBytes: 24 << 20, MaxInFlightRecords: 50_000, MaxPollRecords: 5_000, FetchMaxBytes: 2 << 20,
		SessionTimeout: 10 * time.Second, CommitInterval: time.Second, DrainTimeout: 5 * time.Second, RevokeTimeout: 5 * time.Second,
	}
	if diff := cmp.Diff(want, Config{}.withDefaults()); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, want.withDefaults()); diff != "" {
		t.Errorf("what is set is changed (-want +got):\n%s", diff)
	}
}

// A bound itself is allowed, and what is beyond it is refused by the name of its variable.
func TestBoundsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Config)
		want   string // empty when it is allowed
	}{
		"as it is":         {func(*Config) {}, ""},
		"least memory":     {func(c *Config) { c.MemoryLimit = minMemory }, ""},
		"less memory":      {func(c *Config) { c.MemoryLimit = minMemory - 1 }, "MEMORY_LIMIT"},
		"longest session":  {func(c *Config) { c.SessionTimeout = maxSessionTimeout }, ""},
		"longer session":   {func(c *Config) { c.SessionTimeout = maxSessionTimeout + 1 }, "SESSION_TIMEOUT"},
		"longest drain":    {func(c *Config) { c.DrainTimeout = maxDrainTimeout }, ""},
		"longer drain":     {func(c *Config) { c.DrainTimeout = maxDrainTimeout + 1 }, "DRAIN_TIMEOUT"},
		"negative drain":   {func(c *Config) { c.DrainTimeout = -1 }, "DRAIN_TIMEOUT"},
		"frequent commits": {func(c *Config) { c.CommitInterval = 100 * time.Millisecond }, ""},
		"too many commits": {func(c *Config) { c.CommitInterval = 100*time.Millisecond - 1 }, "COMMIT_INTERVAL"},
		"SASL":             {func(c *Config) { c.SASLMechanism, c.SASLUser, c.SASLPassword = "PLAIN", "u", "p" }, ""},
		"without a user":   {func(c *Config) { c.SASLMechanism, c.SASLPassword = "PLAIN", "p" }, "KAFKA_SASL_USER"},
		"without a word":   {func(c *Config) { c.SASLMechanism, c.SASLUser = "PLAIN", "u" }, "KAFKA_SASL_PASSWORD"},
		"Google's Kafka":   {func(c *Config) { c.TLS, c.SASLMechanism, c.SASLUser = true, "OAUTHBEARER", "b@p" }, ""},
		"Google's, bare":   {func(c *Config) { c.SASLMechanism, c.SASLUser = "OAUTHBEARER", "b@p" }, "KAFKA_TLS"},
		"Google's, nobody": {func(c *Config) { c.TLS, c.SASLMechanism, c.SASLUser = true, "OAUTHBEARER", "b" }, "KAFKA_SASL_USER"},
		"Google's, a word": {func(c *Config) {
			c.TLS, c.SASLMechanism, c.SASLUser, c.SASLPassword = true, "OAUTHBEARER", "b@p", "p"
		}, "KAFKA_SASL_PASSWORD"},
		"reads what it is":  {func(c *Config) { c.TokenisedTopic = "pix.transactions" }, "TOKENISED_TOPIC"},
		"reads what it set": {func(c *Config) { c.Topic, c.TokenisedTopic = "t", "t" }, "TOKENISED_TOPIC"},
		"two topics":        {func(c *Config) { c.TokenisedTopic = "t" }, ""},
	} {
		cfg := Config{Brokers: []string{"kafka:9092"}}
		c.change(&cfg)
		if err := cfg.Validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestSASLMechanisms(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"} {
		cfg := Config{SASLMechanism: name, SASLUser: "u", SASLPassword: "p"}
		if m := cfg.sasl(); m == nil || m.Name() != name {
			t.Errorf("%s: %v", name, m)
		}
	}
	if m := (&Config{}).sasl(); m != nil {
		t.Errorf("by default: %v", m)
	}
}
