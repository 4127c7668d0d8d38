// Package demo is `pixctl demo`: the main job, whole, in one process, told to a person while it happens.
//
// It starts the stack, sends a simulated day's payments over both entries (the authorisation path over HTTP and the
// stream over Kafka), keeps a ledger of its own of what it sent and what came back, and at the end compares the ledger
// with what BigQuery says. What it prints is what it counted; nothing is assumed.
package demo
