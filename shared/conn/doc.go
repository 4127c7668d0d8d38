// Package conn replaces gRPC connections that died without a word.
//
// A connection whose packets are lost, or whose far end takes bytes and answers nothing, looks healthy to TCP and to gRPC
// for minutes, and every call on it runs into its deadline. gRPC's own remedy is a ping; a server that was not told to
// expect pings answers them with GOAWAY too_many_pings. So nothing is sent here. A connection that owes an answer and has
// not delivered one byte for a limit is closed, whatever became of the calls that waited for it. Its calls fail with
// Unavailable, which their callers try again, and gRPC dials anew below the same client.
//
// What is slow and what is dead look alike as long as not one byte comes. The price of a mistake is one handshake, at most
// once per limit and connection. A connection that owes nothing is left alone, however long.
package conn
