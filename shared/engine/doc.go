// Package engine is the use case: one payment in, the one decision that stands for its EndToEndID out.
//
// Decide records the payment's own event, reads what is known, builds the vector, scores, applies the policy and
// commits; whatever is redelivered, retried or raced, the first committed decision is what everyone gets. Any error on
// the way is returned and nothing is decided, so an error never approves. Outbox publishes what was committed: a
// pending mark, written with the event, is removed once the bus has acknowledged the decision, and Sweep republishes
// what a crash left marked.
//
// The package declares the ports it needs (ports.go) and knows no SDK. Time comes from the Clock and the ticks it is given.
package engine
