// Package storetest is the conformance suite of engine.Store: every implementation passes the same laws, so that what
// replay and tests see in memory is what Bigtable does.
package storetest
