package demo

import (
	"fmt"
	"io"
	"os"
	"runtime/pprof"
)

// openLogs opens the file for the services' logs; no name discards them.
func openLogs(name string) (io.Writer, func(), error) {
	if name == "" {
		return io.Discard, func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, nil, fmt.Errorf("log file: %w", err)
	}
	return f, func() { _ = f.Close() }, nil
}

// profile records a CPU profile until the returned function is called; no name records nothing.
func profile(name string) (func(), error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
