// Package pixtest is Google Cloud and Kafka inside this process: real protocol servers on free ports of 127.0.0.1, for
// tests and for the demo.
//
// It starts kfake (Kafka), pstest (Pub/Sub) and bttest (Bigtable) itself. The BigQuery emulator and the Cloud Storage
// fake are started through pixtest/bq and pixtest/gcs, so that a test that does without them does not compile them:
// the BigQuery emulator alone takes minutes. The delivery of messages over HTTP is pixtest/push, injected RPC failures
// are pixtest/fault.
//
// Production code cannot tell the difference: it sees client options, or the standard emulator variables, only.
package pixtest
