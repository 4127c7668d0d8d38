// Package policy decides what happens to a payment: dated rules written in CEL, score thresholds and one decision
// algebra.
//
// A pack is a versioned YAML file. Rules claim an outcome, allow rules may lift claims that are declared overridable,
// and the strongest claim that still stands wins (Resolve). Everything that a rule may read is a typed variable
// (Variables); an unknown name does not load. What cannot be known when a payment is decided (a missing score, an
// absent feature, a fact that the institution did not send) makes the rule that needs it claim the pack's fail outcome:
// the policy fails closed and says so in its hits.
//
// The package is pure. A pack never changes after Load and is safe for concurrent use.
package policy
