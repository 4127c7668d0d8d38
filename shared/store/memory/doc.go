// Package memory is engine.Store in memory, for replay, the simulator and tests: the same conformance suite as Bigtable.
//
// It is bounded by the live windows: events older than feature.Retention behind the newest event time are dropped, and
// decisions with them; marks go after feature.MarkRetention. What remains of an entity is when it was first seen, in 16
// bytes and the overhead of a map (archive.go).
//
// A stream of more than feature.BusyEvents events is kept in chunks with what its windows need beside them (busy.go), so that
// a merchant of 10⁶ events a day costs a reader what one of a hundred does. Histories that Read hands out are never written
// again: appending goes behind the end that a reader knows, and everything else copies first. View hands out the same
// without copying, to one reader at a time.
package memory
