// Package live is the page on which people watch a process decide: a desk that works through its alerts, and an audience in
// front of a projector. It shows how much is decided and how fast, the decisions with their reasons as they come, the alerts
// by the money that is expected to be lost, the versions that decide, the money at risk, and faults in words, in Portuguese
// and in English.
//
// A decision pays for it with one hand-over that never waits. What is kept is bounded whatever comes: there is one bounded
// memory for all readers, each of which has a place in it and no queue, so that a slow one misses decisions, is told so and
// holds up nobody. The page is for whoever reaches the port of operators, as the metrics are. It names no person, account,
// key or device, not even as a token: of a payment it gives the EndToEndId, by which an operator asks for the rest.
package live
