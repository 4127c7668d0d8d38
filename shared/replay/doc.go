// Package replay runs a log of payments through the feature code as the scorer would have served it: record the payment,
// read its rows, compute the vector.
//
// There is no second implementation of any feature: the vectors differ from the served ones only where the order of
// arrival differs from the order of the log. Payments are taken in the order in which they became visible (received_at
// where the log has it, event time otherwise), which needs a small reorder buffer and no sorting of the file. The
// buffer is bounded; a log too far out of order is an error rather than a wrong vector.
package replay
