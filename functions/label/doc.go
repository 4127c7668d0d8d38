// Package label keeps what became known of a payment afterwards: a row in the warehouse, and a mark on the entities that
// the payment touched, so that later payments of theirs are seen with it.
//
// It is triggered by pix-labels-v1. A payment may be labelled several times, in any order and more than once each; the
// view labels_latest shows the newest, and of the marks the one that arrived last counts. A label on a payment that was
// never decided here has nobody to mark: it is kept as a row all the same.
package label
