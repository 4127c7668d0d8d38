// Package upgrade holds the test that rolls a running system from the version before to this one and back while payments come
// in: bridge, functions, tables, features and models of both side by side.
//
// before.txt names the version before by a commit of this repository, and says why it is that one; a release names another. Its
// binaries are built from that commit, once, into build/upgrade. Both versions are processes of their own with the variables
// that a deployment sets; Kafka, Pub/Sub, Bigtable and the warehouse's tables are in the test's process. What is counted must
// be zero: payments without a decision or with two that differ, answers that the other version gives otherwise, dead letters,
// rows and alerts that do not fit the decisions, and complaints about what the other version wrote.
//
// The order in which parts roll is that of parts in roll_test.go: who reads a form goes before who writes it, and comes back
// after. Columns are added before and taken away never. A model of new features is put in force after the last scorer and taken
// out of it before the first goes back. Producers send a new fact when every bridge and every scorer knows it.
package upgrade
