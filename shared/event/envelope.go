package event

import "strconv"

// Attribute names of a message. They are lower case so that they survive Pub/Sub, Kafka headers and CloudEvents.
const (
	AttrSchema      = "schema"        // full name of the message type; absent means the type the consumer expects
	AttrEncoding    = "encoding"      // EncodingJSON or EncodingProto; absent means JSON
	AttrEventID     = "end_to_end_id" // the payment's EndToEndId
	AttrTraceparent = "traceparent"   // W3C trace context
	AttrOutcome     = "outcome"       // of a decision: subscriptions filter on it

	AttrDeadLetterReason    = "dlq_reason"     // pix.Kind as its metric label
	AttrDeadLetterDetail    = "dlq_detail"     // fields and reasons, never a value
	AttrDeadLetterSource    = "dlq_source"     // the component that gave up
	AttrDeadLetterMessageID = "dlq_message_id" // Pub/Sub's id of the message, pushed ones only
	AttrDeadLetterTopic     = "dlq_topic"      // where the message came from
	AttrDeadLetterPartition = "dlq_partition"  // Kafka only
	AttrDeadLetterOffset    = "dlq_offset"     // Kafka only: the first, of a letter that stands for several records

	AttrDeadLetterLastOffset = "dlq_last_offset" // Kafka only: the last of several records
	AttrDeadLetterRecords    = "dlq_records"     // Kafka only: how many records a letter stands for, where that is known
)

// Values of AttrEncoding.
const (
	EncodingJSON  = "json"
	EncodingProto = "proto"
)

// Full names of the message types, the values of AttrSchema.
const (
	SchemaTransaction = "pix.v1.Transaction"
	SchemaStatus      = "pix.v1.Status"
	SchemaDecision    = "pix.v1.Decision"
	SchemaAlert       = "pix.v1.Alert"
	SchemaLabel       = "pix.v1.Label"
	SchemaExportTick  = "pix.v1.ExportTick"
)

// Default topic names. Each is configuration where it is used; Topics says who publishes and reads.
const (
	TopicTransactions = "pix-transactions-v1"
	TopicDecisions    = "pix-decisions-v1"
	TopicAlerts       = "pix-alerts-v1"
	TopicLabels       = "pix-labels-v1"
	TopicDeadLetter   = "pix-dead-letter-v1"
	TopicExports      = "pix-exports-v1"
)

// SubscriptionDesk is the pull subscription from which people read dead letters.
const SubscriptionDesk = TopicDeadLetter + "-desk"

// MaxDataBytes is the largest payload that is looked at: Pub/Sub's limit of 10 MB for a message.
const MaxDataBytes = 10_000_000

// Envelope is a message as every transport here carries it: bytes and string attributes.
type Envelope struct {
	Data       []byte
	Attributes map[string]string
}

// Records is how many records of Kafka a dead letter stands for: one, unless it says more.
func (e Envelope) Records() int {
	if n, err := strconv.Atoi(e.Attributes[AttrDeadLetterRecords]); err == nil && n > 1 {
		return n
	}
	return 1
}
