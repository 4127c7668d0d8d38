package openloop

import (
	"syscall"
	"time"
)

// sleep asks the kernel to wake this thread: the runtime's timers wait in whole milliseconds, which is longer than what
// is measured.
func sleep(d time.Duration) {
	ts := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&ts, nil) // a signal wakes it early
}
