// Package label writes what became known of a payment afterwards to the warehouse.
//
// It is triggered by pix-labels-v1. A payment may be labelled several times, in any order and more than once each; the
// view labels_latest shows the newest.
package label
