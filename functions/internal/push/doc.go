// Package push turns one HTTP request of Pub/Sub into handled messages and the status that says what Pub/Sub does next.
//
// It accepts every form in which Pub/Sub reaches a function: what a push subscription posts, the same as a CloudEvent in
// binary, structured or batched mode, and the unwrapped payload of a subscription that writes metadata. A batch is
// acknowledged if each of its messages may be. Bodies are bounded, decoded strictly and never compressed.
//
// What cannot be read as a push is the work of a wrong configuration. It is refused, with the remedy in the answer and in
// the log, and comes again until somebody mends it or the retention ends: pix_push_unreadable_total is there for an alarm.
// A dead letter would hold neither its payload nor an id, and acknowledge what nobody has read.
//
// What becomes of a message whose handling fails is said by the error's kind, through pix.Kind.Disposition, and by three
// limits:
//
//   - A permanent failure is published to the dead-letter topic by us and acknowledged, at once.
//   - A passing one is refused with a status that makes Pub/Sub try again, and dies by its age: an outage is as long as it
//     is, and a hundred attempts may pass in an hour. Age counts from Pub/Sub's publish time.
//   - A panic is a defect that another attempt may meet again: it dies after a few of its own.
//
// The body's deliveryAttempt decides nothing: it is the sender's word, and a subscription without a dead-letter policy
// sends none. Ours have none, because Pub/Sub's own forwards the message as it came, and a direct publisher's message
// holds raw identifiers.
//
// A publish time is a server's. While it lies in our future our clock is wrong, and messages wait: judged by such a
// clock, every payment would be in the future.
//
// Nothing is acknowledged unless it was handled or its dead letter was acknowledged, and no payload is ever logged.
package push
