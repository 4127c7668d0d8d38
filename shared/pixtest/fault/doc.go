// Package fault makes RPCs fail on purpose: a reply lost after the server committed, a service that is away, a slow
// one. It sits in the client as gRPC interceptors, so the code under test and the server are both the real ones.
package fault
