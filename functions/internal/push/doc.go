// Package push turns one HTTP request of Pub/Sub into one handled message and the status that says what Pub/Sub does
// next.
//
// It accepts both ways in which Pub/Sub reaches a function: a push subscription's JSON body, and an Eventarc trigger's
// CloudEvent in binary or structured mode. Bodies are bounded and decoded strictly. The error's kind decides through
// pix.Kind.Disposition: a permanent failure is published to the dead-letter topic by us and acknowledged, anything else
// is refused with a status that makes Pub/Sub try again. On the last permitted attempt we dead-letter too, before
// Pub/Sub would: its own dead-lettering forwards the message as it came, and a direct publisher's message holds raw
// identifiers.
//
// Nothing is acknowledged unless it was handled or its dead letter was acknowledged, and no payload is ever logged.
package push
