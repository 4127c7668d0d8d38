package bridge

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// Config says what to read, where to publish and how much may be in flight. A zero field takes the default in its
// comment, so that tests and the demo name only what they change.
type Config struct {
	// Brokers are the Kafka brokers to start from, host:port with commas between. Required.
	Brokers []string `env:"KAFKA_BROKERS"`
	// Topic is the Kafka topic to read, pix.transactions by default.
	Topic string `env:"KAFKA_TOPIC"`
	// Group is the consumer group, kafka-bridge by default.
	Group string `env:"KAFKA_GROUP"`
	// TLS speaks TLS to the brokers, with the system's roots.
	TLS bool `env:"KAFKA_TLS"`
	// SASLMechanism is empty, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, or OAUTHBEARER for Google's Managed Service for Apache Kafka,
	// where the process signs in with the credentials of the place where it runs.
	SASLMechanism string `env:"KAFKA_SASL_MECHANISM"`
	// SASLUser is required by KAFKA_SASL_MECHANISM: with OAUTHBEARER the service account's email.
	SASLUser string `env:"KAFKA_SASL_USER"`
	// SASLPassword is required by KAFKA_SASL_MECHANISM, except by OAUTHBEARER.
	SASLPassword string `env:"KAFKA_SASL_PASSWORD"`

	// PublishTopic takes the payments on Pub/Sub, pix-transactions-v1 by default.
	PublishTopic string `env:"TRANSACTIONS_TOPIC"`
	// DeadLetterTopic takes the records that are no payments, pix-dead-letter-v1 by default.
	DeadLetterTopic string `env:"DEAD_LETTER_TOPIC"`
	// TokenisedTopic is a Kafka topic of the same brokers that takes every payment as it was published, for readers that must
	// not see raw identifiers, such as a data lake: pix.tokenised by convention. Empty writes none. It must exist.
	TokenisedTopic string `env:"TOKENISED_TOPIC"`

	// Replay says that the topic holds a backfill, of payments that are not live. Their decisions are those of their own
	// date, where the scorer lets its caller replay; elsewhere they are judged by their age like any.
	Replay bool `env:"REPLAY"`

	// MemoryLimit is what the whole process must fit, in bytes, 256 MiB by default. The other limits that hold memory
	// are shares of it, each named with what it comes to by default; docs/adr/0011-bridge-memory.md has the sum.
	MemoryLimit int64 `env:"MEMORY_LIMIT"`
	// MaxInFlightBytes is how many bytes of records may be under way, 24 MiB by default; polling stops above it.
	MaxInFlightBytes int64 `env:"MAX_IN_FLIGHT_BYTES"`
	// MaxInFlightRecords is how many records may be under way, 50,000 by default; polling stops above it.
	MaxInFlightRecords int64 `env:"MAX_IN_FLIGHT_RECORDS"`
	// MaxPollRecords is the unit of work, 5,000 records by default.
	MaxPollRecords int `env:"MAX_POLL_RECORDS"`
	// FetchMaxBytes is how much, as it lies in Kafka, is buffered per broker, 2 MiB by default.
	FetchMaxBytes int32 `env:"FETCH_MAX_BYTES"`
	// SessionTimeout is how long the membership lasts without a heartbeat, 10 s by default; ten are sent in it.
	SessionTimeout time.Duration `env:"SESSION_TIMEOUT"`
	// CommitInterval is how often offsets are committed, 1 s by default.
	CommitInterval time.Duration `env:"COMMIT_INTERVAL"`
	// DrainTimeout is what SIGTERM leaves to what is under way, 5 s by default.
	DrainTimeout time.Duration `env:"DRAIN_TIMEOUT"`
	// RevokeTimeout is what a revoked partition leaves to what is under way, 5 s by default; keep it below the rebalance
	// timeout.
	RevokeTimeout time.Duration `env:"REVOKE_TIMEOUT"`
}

// saslGoogle is the mechanism of Google's Managed Service for Apache Kafka.
const saslGoogle = "OAUTHBEARER"

// minMemory is the least MemoryLimit for which every share is of use. A process of its own needs ten times that.
const minMemory = 8 << 20

// HeapLimit is the share of MemoryLimit at which the garbage collector must work harder; the rest is for what it does not
// manage. The process sets it, because it is one for all that run in it.
func (c Config) HeapLimit() int64 { return c.withDefaults().MemoryLimit / 5 * 4 }

// maxBatchBytes is the largest batch that is unpacked, 16 MiB.
func (c *Config) maxBatchBytes() int { return int(min(c.MemoryLimit/16, 1<<30)) }

// maxBatchRecords is how many records an unpacked batch may have: as many as fit maxBatchBytes when each has the size of
// the smallest payment. A record costs more than its bytes.
func (c *Config) maxBatchRecords() int { return c.maxBatchBytes() / 128 }

// maxUnpackedBytes is what all unpacked batches together may hold, 48 MiB.
func (c *Config) maxUnpackedBytes() int64 { return c.MemoryLimit * 3 / 16 }

// maxResponseBytes is the largest answer that is read from a broker: it holds FetchMaxBytes, or one batch that is larger.
func (c *Config) maxResponseBytes() int32 {
	return int32(min(max(c.MemoryLimit/8, 2*int64(c.FetchMaxBytes)), 1<<30))
}

// The longest times that keep a promise: partitions of a killed bridge are read by another within 15 s, of which joining
// takes up to 3 s (docs/adr/0010-bridge-membership.md), and a stop ends within 10 s, of which commit, leave and the bus
// take up to 4 s.
const (
	maxSessionTimeout = 12 * time.Second
	maxDrainTimeout   = 5 * time.Second
)

// withDefaults fills what was left zero.
func (c Config) withDefaults() Config {
	c.Topic = orDefault(c.Topic, event.KafkaTransactions)
	c.Group = orDefault(c.Group, "kafka-bridge")
	c.PublishTopic = orDefault(c.PublishTopic, event.TopicTransactions)
	c.DeadLetterTopic = orDefault(c.DeadLetterTopic, event.TopicDeadLetter)
	c.MemoryLimit = orDefault(c.MemoryLimit, 256<<20)
	c.MaxInFlightBytes = orDefault(c.MaxInFlightBytes, c.MemoryLimit*3/32)
	c.MaxInFlightRecords = orDefault(c.MaxInFlightRecords, 50_000)
	c.MaxPollRecords = orDefault(c.MaxPollRecords, 5_000)
	c.FetchMaxBytes = orDefault(c.FetchMaxBytes, int32(min(c.MemoryLimit/128, 64<<20)))
	c.SessionTimeout = orDefault(c.SessionTimeout, 10*time.Second)
	c.CommitInterval = orDefault(c.CommitInterval, time.Second)
	c.DrainTimeout = orDefault(c.DrainTimeout, 5*time.Second)
	c.RevokeTimeout = orDefault(c.RevokeTimeout, 5*time.Second)
	return c
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Validate reports every problem at once, by the name of its variable and never with its value.
func (c *Config) Validate() error {
	var problems []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	refuse(len(c.Brokers) == 0, "KAFKA_BROKERS: required, host:port separated by commas")
	for _, b := range c.Brokers {
		refuse(!strings.Contains(b, ":"), "KAFKA_BROKERS: every broker needs host:port")
	}
	switch c.SASLMechanism {
	case "":
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		refuse(c.SASLUser == "" || c.SASLPassword == "", "KAFKA_SASL_USER, KAFKA_SASL_PASSWORD: required by KAFKA_SASL_MECHANISM")
	case saslGoogle:
		refuse(!strings.Contains(c.SASLUser, "@"), "KAFKA_SASL_USER: must be the service account's email for OAUTHBEARER")
		refuse(c.SASLPassword != "", "KAFKA_SASL_PASSWORD: leave it out with OAUTHBEARER, which signs in without one")
		refuse(!c.TLS, "KAFKA_TLS: must be true with OAUTHBEARER, or the access token would be readable on the way")
	default:
		refuse(true, "KAFKA_SASL_MECHANISM: must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or empty")
	}
	refuse(c.TokenisedTopic == orDefault(c.Topic, event.KafkaTransactions),
		"TOKENISED_TOPIC: must not be KAFKA_TOPIC, or the bridge would read what it writes")
	refuse(c.MemoryLimit != 0 && c.MemoryLimit < minMemory, "MEMORY_LIMIT: must be at least %d", minMemory)
	refuse(c.MaxInFlightBytes < 0, "MAX_IN_FLIGHT_BYTES: must not be negative")
	refuse(c.MaxInFlightRecords < 0, "MAX_IN_FLIGHT_RECORDS: must not be negative")
	refuse(c.MaxPollRecords < 0, "MAX_POLL_RECORDS: must not be negative")
	refuse(c.FetchMaxBytes < 0, "FETCH_MAX_BYTES: must not be negative")
	refuse(c.SessionTimeout < 0 || c.SessionTimeout > maxSessionTimeout,
		"SESSION_TIMEOUT: must be within 0 and 12s, so that a killed bridge's partitions stand still for at most 15s")
	refuse(c.CommitInterval != 0 && c.CommitInterval < 100*time.Millisecond, "COMMIT_INTERVAL: must be at least 100ms")
	refuse(c.DrainTimeout < 0 || c.DrainTimeout > maxDrainTimeout, "DRAIN_TIMEOUT: must be within 0 and 5s, so that a stop ends within 10s")
	refuse(c.RevokeTimeout < 0, "REVOKE_TIMEOUT: must not be negative")
	return errors.Join(problems...)
}
