// Package loopback takes gRPC calls from a client to a server of the same process without a connection between them: no
// frames, no flow control, no system calls, no goroutines that hand bytes to each other. Messages are copied, metadata and
// statuses are what they are over a connection. A unary call whose deadline passes comes back when the server is done; no
// size of a message is refused, no text that is not UTF-8, no call after the server's end; codecs and statistics' handlers
// of a client are not asked. Calls in which a client sends more than one message go over
// the client's connection, as do those of services that are not registered.
package loopback
