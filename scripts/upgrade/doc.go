// Package upgrade holds the test that rolls a running system from the version before to this one and back while payments come
// in: bridge, functions, tables, features and models of both side by side.
//
// before.txt names the version before, by a commit of this repository: the newest one that no longer runs anywhere once this
// one is released. Name another when a release is made. Its binaries are built from that commit, once, into build/upgrade. Both
// versions are processes of their own, with the variables that a deployment sets; Kafka, Pub/Sub, Bigtable and the tables are
// in the test's process. What is counted must be zero: payments without a decision, with two that differ, answered otherwise by
// the other version, dead letters, and rows that do not fit the decisions.
//
// The order in which parts roll is that of parts in roll_test.go: those that read a form before those that write it. Tables and
// then models are no part of it: a column is added before and taken away never, and a model of new features is put in force
// after the last scorer and taken out before the first.
package upgrade
