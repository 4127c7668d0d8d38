// Package lifecycle starts the parts of a process, waits, and stops them in reverse order within a deadline.
//
// Cloud Run gives ten seconds between SIGTERM and the end, Kubernetes thirty: what has been acknowledged must be safe
// by then. So there is exactly one place that listens to signals, each part has one way to stop, and a part that does
// not stop in time is named in the error instead of hanging the process.
package lifecycle
