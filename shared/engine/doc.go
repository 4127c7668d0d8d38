// Package engine is the use case: one payment in, the one decision that stands for its EndToEndID out.
//
// Decide records the payment's own event, reads what is known, builds the vector, scores, applies the policy and
// commits; whatever is redelivered, retried or raced, the first committed decision is what everyone gets. A store that
// does not take the event or give the histories in time leaves a decision that says FeaturesMissing and that the policy's
// fail mode answers. A store that does not take the decision leaves an error, or, for a caller that waits (Answer), a
// provisional answer. Neither ever approves. Challengers score beside the decision and decide nothing.
//
// An answer without a decision, and a decision without histories, must be cheaper than a decision and bounded by decisions:
// else overload and outage feed themselves. So no model is asked where its score counts for nothing, an answer holds its
// place until it is complete, whoever finds none is mostly refused without any work (Enter), and a store that failed many
// payments in a row is asked by probes alone (StoreState).
//
// Nothing that was acknowledged or answered is owed by memory alone: no decision stands without its pending mark, and the
// mark lasts until the decision is published and its event is written. Outbox does both, and Sweep does them again for
// what a crash or an outage left marked. Marker writes what became known of a payment later.
//
// # Files
//
//	engine.go    Engine, its settings, Decide and Answer
//	admission.go places, and what happens without one
//	breaker.go   when the store is not asked
//	age.go       what a payment's moments mean: too old, late, seen at its arrival
//	decide.go    the conversation with the store
//	judge.go     vector, scores, policy, contributions, reasons: no store
//	shadow.go    challengers
//	marker.go    statuses and labels
//	outbox.go    publishing, and events that the store did not take
//	failure.go   what a failure means
//	ports.go     what the engine needs
//
// The package knows no SDK. Time comes from the Clock and the ticks it is given.
package engine
