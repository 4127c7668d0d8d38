package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// metadataAge is how long a partition that was added to the topic may stay unknown; fetchWait is how long a fetch of idle
// partitions stays open, and so how long a partition that was taken over waits for the next.
const (
	metadataAge = 15 * time.Second
	fetchWait   = 500 * time.Millisecond
)

// commitTimeout bounds a commit in a rebalance and at the end.
const commitTimeout = 1500 * time.Millisecond

// options configures the consumer. Both offsets are the start of the log: since franz-go 1.22 the reset offset would
// otherwise be a minute before the last record, which skips payments after a loss of data at the brokers. Only
// committed records of transactional producers are read: a payment in an aborted transaction never was. The markers that
// end transactions are kept, because only past them is a partition read to its end. hard ends when in-flight work is
// given up.
//
// What the times are for is in docs/adr/0010-bridge-membership.md: a member that is killed is replaced within the session,
// a connection that swallows requests is replaced before the session ends, and a new partition is found by metadataAge.
func (b *Bridge) options(hard context.Context) []kgo.Opt {
	opts := append(b.connection(),
		kgo.ConsumerGroup(b.cfg.Group),
		kgo.ConsumeTopics(b.cfg.Topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxPartitionBytes(min(b.cfg.FetchMaxBytes, 1<<20)),
		kgo.WithDecompressor(b.unpacker),
		kgo.WithPools(b.unpacker),
		kgo.KeepControlRecords(),
		kgo.SessionTimeout(b.cfg.SessionTimeout),
		kgo.HeartbeatInterval(b.cfg.SessionTimeout/10),
		kgo.MetadataMaxAge(metadataAge),
		kgo.FetchMaxWait(fetchWait),
		kgo.BlockRebalanceOnPoll(),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(b.cfg.CommitInterval),
		kgo.AutoCommitCallback(b.onCommit),
		kgo.OnPartitionsAssigned(b.onAssigned),
		kgo.AdjustFetchOffsetsFn(b.onLocated),
		kgo.OnPartitionsRevoked(func(_ context.Context, client *kgo.Client, revoked map[string][]int32) {
			b.onRevoked(hard, client, revoked)
		}),
		kgo.OnPartitionsLost(b.onLost),
		kgo.WithHooks(b.health),
		// Of the tokenised topic. Writing is idempotent and acknowledged by every in-sync replica by default.
		kgo.MaxBufferedRecords(int(b.cfg.MaxInFlightRecords)+b.cfg.MaxPollRecords),
	)
	return append(opts, b.kafkaOptions...)
}

// connection says how to reach the brokers.
func (b *Bridge) connection() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(b.cfg.Brokers...),
		kgo.ClientID("sentinela-kafka-bridge"),
		kgo.BrokerMaxReadBytes(b.cfg.maxResponseBytes()),
		kgo.FetchMaxBytes(b.cfg.FetchMaxBytes),
		kgo.RequestTimeoutOverhead(b.cfg.requestTimeout()),
		kgo.DialTimeout(b.cfg.requestTimeout()),
		kgo.WithLogger(kafkaLog{b.log}),
	}
	if b.cfg.TLS {
		opts = append(opts, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	if m := b.cfg.sasl(); m != nil {
		opts = append(opts, kgo.SASL(m))
	}
	return opts
}

func (c *Config) sasl() sasl.Mechanism {
	switch c.SASLMechanism {
	case saslGoogle:
		return googleLogin(c.SASLUser, defaultCredentials)
	case "PLAIN":
		return plain.Auth{User: c.SASLUser, Pass: c.SASLPassword}.AsMechanism()
	case "SCRAM-SHA-256":
		return scram.Auth{User: c.SASLUser, Pass: c.SASLPassword}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: c.SASLUser, Pass: c.SASLPassword}.AsSha512Mechanism()
	default:
		return nil
	}
}

// requestTimeout leaves time within the session for a second heartbeat on another connection.
func (c *Config) requestTimeout() time.Duration { return max(2*time.Second, 2*c.SessionTimeout/5) }

// onAssigned is also called with nothing assigned, for a member that stands by: that too is ready.
func (b *Bridge) onAssigned(ctx context.Context, _ *kgo.Client, assigned map[string][]int32) {
	b.health.entered()
	b.poison.assign(assigned)
	b.metrics.rebalances.WithLabelValues("assigned").Inc()
	b.log.InfoContext(ctx, "partitions assigned", "partitions", count(assigned))
}

// onLocated learns where reading begins, and changes nothing.
func (b *Bridge) onLocated(_ context.Context, at map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	b.ledger.assign(at)
	return at, nil
}

// onRevoked waits a bounded time for what is in flight, commits what is acknowledged, and forgets the partitions. It runs
// before the next owner may read them.
func (b *Bridge) onRevoked(ctx context.Context, client *kgo.Client, revoked map[string][]int32) {
	b.metrics.rebalances.WithLabelValues("revoked").Inc()
	wait, cancel := context.WithTimeout(ctx, b.cfg.RevokeTimeout)
	idle := b.ledger.awaitIdle(wait, revoked)
	cancel()
	b.commit(client)
	b.ledger.forget(revoked)
	b.poison.forget(client, revoked)
	b.log.InfoContext(ctx, "partitions revoked", "partitions", count(revoked), "idle", idle)
}

// onLost forgets the partitions without a commit: another member may own them already.
func (b *Bridge) onLost(ctx context.Context, client *kgo.Client, lost map[string][]int32) {
	b.ledger.forget(lost)
	b.poison.forget(client, lost)
	b.metrics.rebalances.WithLabelValues("lost").Inc()
	b.log.WarnContext(ctx, "partitions lost", "partitions", count(lost))
}

// commit commits what is marked, now. A failure costs duplicates, never a loss.
func (b *Bridge) commit(client *kgo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	if err := client.CommitMarkedOffsets(ctx); err != nil {
		b.metrics.commitFailures.Inc()
		b.log.WarnContext(ctx, "commit failed: records will be published again", "error", err)
	}
}

// onCommit sees every periodic commit.
func (b *Bridge) onCommit(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
	if err == nil && resp != nil {
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
			}
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		b.metrics.commitFailures.Inc()
		b.log.Warn("commit failed, will be tried again", "error", err)
	}
}

// fetchErrors reports what went wrong in a poll and returns an error when only a new client can go on: a topic that was
// deleted and created again is a different topic to franz-go since 1.22. Everything else the client tries again by
// itself, and skipUnreadable when that does not help.
func (b *Bridge) fetchErrors(ctx context.Context, fetches kgo.Fetches) error {
	var fatal error
	fetches.EachError(func(topic string, partition int32, err error) {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, kgo.ErrClientClosed) ||
			errors.Is(err, errNoRoom) {
			return
		}
		b.metrics.fetchErrors.Inc()
		b.log.ErrorContext(ctx, "fetch failed", "topic", topic, "partition", partition, "error", err)
		if errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.InconsistentTopicID) {
			fatal = err
		}
	})
	return fatal
}

func count(partitions map[string][]int32) (n int) {
	for _, ids := range partitions {
		n += len(ids)
	}
	return n
}

// kafkaLog passes the client's warnings and errors to slog.
type kafkaLog struct{ log *slog.Logger }

// Level implements kgo.Logger.
func (kafkaLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log implements kgo.Logger.
func (l kafkaLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	for i := 0; i < len(keyvals); i += 2 {
		if key, ok := keyvals[i].(string); ok {
			keyvals[i] = strings.ReplaceAll(key, " ", "_")
		}
	}
	at := slog.LevelWarn
	if level == kgo.LogLevelError {
		at = slog.LevelError
	}
	l.log.Log(context.Background(), at, "kafka client: "+msg, keyvals...)
}
