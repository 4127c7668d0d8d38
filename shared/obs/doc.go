// Package obs makes what a running process says about itself: JSON logs that Cloud Logging understands, Prometheus
// metrics, and W3C traces that survive the hops over Kafka and Pub/Sub.
//
// It holds no state of its own and touches no global of slog, Prometheus or OpenTelemetry: whoever needs a logger, a
// registry or a tracer gets it as a value, so that two services in one process (the demo, the tests) never mix.
package obs
