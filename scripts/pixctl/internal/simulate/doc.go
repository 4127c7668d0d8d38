// Package simulate is `pixctl simulate`: it writes a simulated world as a log of payments and what became of them.
//
// Five files, each one JSON object a line. What an institution would have:
//
//   - events.jsonl: payments in wire JSON, in order of event time. receivedAt says when each became visible: most at
//     once, some late, a few out of order. samplingWeight is there when it is not 1.
//   - labels.jsonl: reports in wire JSON, in order of the payment's event time; arrivedAt is up to 80 days later.
//   - statuses.jsonl: settlements, rejections and returns in wire JSON, in order of occurredAt.
//   - med.jsonl: the states of MED cases, in order of time (Case).
//
// And what only a simulator knows, for evaluation alone: truth.jsonl (Truth). No feature and no training reads it, but
// for the sampling weights.
package simulate
