// Package feature turns a payment and what is known of its payer, payee and device into one vector of numbers.
//
// The registry is the only place where a feature exists: name, family, entity, window, unit, value when missing, one
// sentence, source, the words a person reads and the function that computes it are one entry. Adding a feature is one
// entry and its test.
//
// A vector is a pure function of the payment and the set of events in the histories: order and duplicates change
// nothing. An event is visible to a payment when (event time, EndToEndId) comes before the payment's own, so the
// payment never sees itself, nor its future, and of two payments of one millisecond the one with the greater EndToEndId
// sees the other. A window of length w holds events with age in [0, w): exactly w old is out. Events older than
// MaxWindow are never read. What is unknown is NaN, never zero; amounts are in reais.
//
// Statuses and reports of fraud are visible from the moment they arrived in the store, whatever time they speak of: the
// state of an event and the marks of an entity are what the store holds when the payment is decided on.
//
// A busy stream is served as tiles (Tile), which stand for the events of a stretch of time, and the events around the
// edges of windows (Plan). What a vector says never depends on whether there were tiles: counts, sums and maxima are exact
// in any order, different counterparties of a busy stream come from a sketch of registers whose maximum is the same
// whoever takes it, and amounts are counted in bins.
//
// Token key rotation: events are written under the current token and read under both, and every event refers to its
// counterparty and device under both, so that a rotation in mid-stream changes no vector.
//
// Where to look: rows.go, cell.go and mark.go say what a payment, a status and a report leave in which row; window.go,
// cut.go and frame.go make windows of what was read; definition.go lists the families, and the files named after them
// hold the entries.
package feature
