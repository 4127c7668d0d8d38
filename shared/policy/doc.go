// Package policy decides what happens to a payment: dated rules written in CEL, score thresholds and one decision
// algebra.
//
// A pack is a versioned YAML file. Rules claim an outcome, allow rules may lift claims that are declared overridable,
// and the strongest claim that still stands wins (Resolve). What cannot be known when a payment is decided (a missing
// score, an absent feature, a fact that the institution did not send) makes the rule that needs it claim the pack's fail
// outcome: the policy fails closed and says so in its hits. A pack declares its fail mode twice: for a score or a fact that
// is missing, and for a store that did not answer, when no score counts.
//
// A rule reads typed variables only, and an unknown name does not load: the facts of a payment (variables.go lists them:
// amount_centavos, local_hour, payer.person, device.registered, dict.mule_markers, …), payer_probability and
// receiver_probability, threshold.<name> of the pack and feature.<name> of the feature list. Reading what is absent or
// NaN is an evaluation error; known(name) asks first. There are no loops: every macro but known is off, and the worst
// case of an expression is bounded when it loads.
//
// A calculation whose result is NaN or infinite fails its rule, as an int that is divided by zero or overflows does: the
// rule claims the fail outcome, or lifts nothing, whatever a comparison, a negation or the other side of || would have made
// of it. What a short circuit leaves out is not computed, so x != 0.0 && y / x > 0.5 asks first. Where the rule matches
// whatever the calculation gives, its own claim stands beside the failure. A constant that is not finite does not load.
// Int and double do not mix: a rule converts, and CEL's dyn only compares them.
//
// A rule is dated, and so is a payment, by whoever sent it. The payment's own day selects the rules, but its date must not
// make the decision milder than today's: where other rules are in force on the day of the decision, or the payment came at
// another moment than its event time (Moments), the pack is applied from that standpoint as well, and the more severe
// verdict stands. A payment that came late is never approved: at least a REVIEW stands, which no rule lifts. A replayed
// payment is judged by its own date alone.
//
// The package is pure. A pack never changes after Load and is safe for concurrent use.
package policy
