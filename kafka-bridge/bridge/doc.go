// Package bridge carries payments from Kafka to Pub/Sub: poll, validate, tokenise, publish, commit.
//
// It is the first trusted hop: a record comes in with raw identifiers and leaves with keyed tokens, or goes to the
// dead-letter topic without its raw values. Its guarantee is at least once: an offset is committed only when every
// record before it was acknowledged by Pub/Sub, and no record is ever skipped. Where a tokenised topic is configured, a
// payment's acknowledgement is that topic's, which follows Pub/Sub's.
//
// Where to look before a first change:
//
//   - bridge.go   the life of the process: poll loop, drain, leave
//   - batch.go    one poll on its way: convert and publish in parallel, then wait for every acknowledgement in order
//   - tokenised.go the second output, to Kafka, of what Pub/Sub has acknowledged
//   - ledger.go   what is in flight per assigned partition, and how far each may be committed
//   - progress.go how far each is against the end of its log; ends.go asks for that end
//   - clock.go    what happens while this machine's clock is slow
//   - health.go   what readiness means here
//   - convert.go  one record to one message; redact.go says what of an invalid payment may be kept
//   - kafka.go    client options and rebalance callbacks
//
// What is not obvious. AllowRebalance is called as soon as a poll is entered in the ledger, not when it is published:
// an outage of Pub/Sub must not cost us the group membership. A revoked partition is waited for, for a bounded time;
// what is in flight then is left to the next owner, who publishes it again. An acknowledgement for a partition that was revoked since
// is ignored, so a commit never names a partition of another member. The bridge stops polling while the ledger is full;
// franz-go then holds one fetch per broker and asks for no more, so memory is bounded without pausing partitions. The
// markers that end transactions are polled like records and have nothing to publish: without them a partition would never
// be committed to its end. Everything that the client does hangs on one context, which ends a bounded time after the
// process was told to stop: no state of Kafka can hold it.
package bridge
