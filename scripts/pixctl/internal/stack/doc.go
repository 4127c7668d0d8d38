// Package stack is Sentinela whole in one process: Kafka and Google Cloud as protocol servers on this machine, the
// bridge, the functions and the scorer with their real clients, and the push subscriptions between them.
//
// It is an edge of edges: it wires, and decides nothing. The demo, the end-to-end tests and the README's test use it.
// Production wires the same constructors with other client options.
package stack
