// Package score decides payments: pushed by Pub/Sub, or asked for over HTTP with POST /v1/decisions by an authorisation
// path that waits for the answer. Both use the same engine and give the same decision.
//
// A pushed payment is acknowledged once its decision is stored and published. Over HTTP the answer does not wait for the
// bus: the decision is stored, a bounded queue publishes it, and what a crash or a full queue leaves behind is published
// by the outbox's sweep. While the store is away the answer is provisional: no approval, stored and published nowhere. An
// error is answered as an error, never as an approval. Under overload some get a provisional answer and the others 429 with
// Retry-After, before anything is spent on them: what is refused must not cost those who are served.
//
// The transactions topic carries statuses as well, told apart by their schema: they mark what was decided. Models and
// policy are followed and swapped while decisions go on.
package score
