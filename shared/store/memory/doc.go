// Package memory is engine.Store in memory, for replay, the simulator and tests: the same conformance suite as Bigtable.
//
// It is bounded by the live windows: events older than feature.Retention behind the newest event time are dropped, and
// decisions with them. Histories that it hands out share its memory and are never written again: appending goes behind
// the end that a reader knows, and everything else copies.
package memory
