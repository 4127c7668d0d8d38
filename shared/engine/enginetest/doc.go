// Package enginetest is a single-threaded reference of the decision: the oracle of the end-to-end tests.
//
// It shares the words, the features, the models and the policy with the engine, and nothing else: no store, no race, no
// retry, no time-out. Fed with the same payments in the order in which they became visible, it gives the multiset of
// decisions that a correct pipeline must have, whatever was redelivered on the way.
package enginetest
