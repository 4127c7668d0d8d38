package event

// Attribute names of a message on the bus.
const (
	AttrSchema      = "schema"        // "pix.v1.Transaction", …
	AttrEncoding    = "encoding"      // "json" or "proto"; absent means json
	AttrEventID     = "end_to_end_id" // EndToEndId of the payment
	AttrTraceparent = "traceparent"   // W3C trace context
)

// Attribute names of a dead letter, beside the ones above.
const (
	AttrDLQReason    = "dlq_reason" // pix.Disposition.Label
	AttrDLQDetail    = "dlq_detail" // the error's text, never a payload
	AttrDLQSource    = "dlq_source" // who refused it
	AttrDLQTopic     = "dlq_topic"
	AttrDLQPartition = "dlq_partition"
	AttrDLQOffset    = "dlq_offset"
)

// Envelope is a message as the bus carries it: bytes and attributes.
type Envelope struct {
	Data       []byte
	Attributes map[string]string
}
