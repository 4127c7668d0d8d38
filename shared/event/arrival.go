package event

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Attributes that say when a payment reached us.
const (
	// AttrArrivedAt is when the first server that had the payment stamped it, as FormatArrival writes it. The bridge leaves
	// it out where only the producer says when. Of a message that is not FromBridge it means nothing.
	AttrArrivedAt = "arrived_at"
	// AttrReplay is "true" on a payment that is not live. It counts only where the receiver's caller may replay.
	AttrReplay = "replay"
)

// ReplayTrue is the one value of AttrReplay.
const ReplayTrue = "true"

// arrivalForm is RFC 3339 in UTC with milliseconds, as a broker stamps.
const arrivalForm = "2006-01-02T15:04:05.000Z"

// FormatArrival writes an arrival for AttrArrivedAt.
func FormatArrival(t time.Time) string { return t.UTC().Format(arrivalForm) }

// ParseArrival reads what FormatArrival wrote, and nothing else.
func ParseArrival(s string) (time.Time, bool) {
	t, err := time.Parse(arrivalForm, s)
	return t, err == nil && FormatArrival(t) == s // a parser takes a comma for the point
}

// Numbers of the fields that hold raw identifiers, and of the messages that they are in.
const (
	payerField, payeeField, deviceField = 11, 12, 13
	firstRawField, lastRawField         = 20, 24 // of a party; a device's is the first
)

// FromBridge reports whether a payment is in the form that the bridge alone publishes: proto, without a raw identifier. It
// says so of what does not decode as well; nothing comes of that.
func FromBridge(e Envelope) bool {
	return e.Attributes[AttrEncoding] == EncodingProto && !within(e.Data, func(n protowire.Number, side []byte) bool {
		return (n == payerField || n == payeeField || n == deviceField) &&
			within(side, func(n protowire.Number, value []byte) bool {
				return n >= firstRawField && n <= lastRawField && len(value) > 0
			})
	})
}

// within reports whether a field of bytes of a proto message meets the condition.
func within(message []byte, met func(protowire.Number, []byte) bool) bool {
	for len(message) > 0 {
		number, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, typ, message); n < 0 {
			return false
		}
		if typ == protowire.BytesType {
			if value, _ := protowire.ConsumeBytes(message); met(number, value) {
				return true
			}
		}
		message = message[n:]
	}
	return false
}
