// Package load is `pixctl load`: it asks for decisions on a fixed schedule and tells how long they took.
//
// The loop is open: a payment is due at its moment whether or not the ones before are decided, and its latency counts
// from that moment, so a stall is paid for by every payment that had to wait behind it (no coordinated omission).
// Payments under way are bounded; one that is due while all places are taken is dropped and counted, never measured
// kindly.
//
// Without -url the whole decision runs in this process: a payment in wire bytes is decoded, engine.Decide reads and
// writes Bigtable's own test server over gRPC, features, both shipped models and the shipped policy are the real ones,
// and the decision is encoded by a publisher that acknowledges at once while the outbox removes its mark. -on memory
// leaves Bigtable out and -on nothing everything, which shows what the loop itself costs on this machine.
package load
