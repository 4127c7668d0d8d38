// Package bus publishes envelopes on Pub/Sub and is the only importer of its SDK.
//
// It exists because the SDK's defaults lose memory and time where this system cannot afford it: flow control is off by
// default, so an outage fills the heap; the publish delay of 10 ms is the median latency; Stop waits for ever; one
// InvalidArgument fails every message of a batch. Here a publisher blocks at a byte and a message limit, sizes are
// checked before a message can join a batch, every error carries a pix.Kind, and Close ends when its context does.
//
// Publishing is unordered (docs/adr/0001-unordered-publishing.md). Delivery is at least once: a caller that saw an
// error publishes again, and a consumer is idempotent by EndToEndId.
package bus
