// Package replay runs a log of payments through the feature code as the scorer would have served it: record the payment,
// read its rows, compute the vector.
//
// There is no second implementation of any feature: the vectors differ from the served ones only where the order of
// arrival differs from the order of the log. Payments are taken in the order in which they became visible (received_at
// where the log has it, event time otherwise). For that each is held until the log is 5 minutes past it, as far as a payment
// may be dated ahead of its arrival, so that a log may be in order of event time or of arrival. One that is further out of
// order is a DisorderError rather than a wrong vector; whoever has one sorts it first, by PaymentMoment and StatusMoment,
// and says so. What is held is bounded.
package replay
