// Package loopback takes gRPC calls from a client to a server of the same process without a connection between them: no
// frames, no flow control, no system calls, no goroutines that hand bytes to each other. Messages are copied, metadata,
// deadlines and statuses are what they are over a connection. Calls in which a client sends more than one message go over
// the client's connection, as do those of services that are not registered.
package loopback
