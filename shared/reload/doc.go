// Package reload keeps what a running process serves at what is named where it is kept: the models of every role and the
// policy pack, followed by one machine.
//
// A look reads what should be in force, loads it and proves it; only then is it swapped in. What is refused leaves in
// force what is, is told once and tried again ever more rarely until something else is named.
//
// Nothing that a storage does can hold the machine up. Each subject is looked at on its own, so a file of one that
// hangs keeps no other from its changes. A look has a deadline, and where the storage ignores it — a system call on a
// mount that has stalled cannot be interrupted — the machine gives the look up: it says so in the metric, in one event and
// in Err, has at most that one look outstanding, and looks afresh when it ends after all. What it brings is used only if it
// is still what is named.
//
// # Files
//
//	watcher.go   the machine's frame: which subjects there are, start, run, what it says of itself
//	subject.go   one subject: look, give up, conclude
//	models.go    champions and challengers from a model store
//	policy.go    the policy pack from a file
//	metrics.go   counts
package reload
