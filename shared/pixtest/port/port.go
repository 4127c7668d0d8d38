// Package port finds addresses for processes that tests start.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The kernel gives ports from 32768 on to whoever asks for any, so one below that is free stays free until a test's process
// takes it.
const first, last = 10_000, 32_000

// Free returns an address on loopback at which nobody listens.
func Free(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first)) //nolint:gosec // no secret
		l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return address
	}
	tb.Fatal("no port is free")
	return ""
}
