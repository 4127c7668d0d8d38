// Package release is `pixctl model promote`, `pixctl model rollback` and `pixctl model challengers`: which version of a
// model is in force in a store, and which score in shadow.
//
// All three write one small file that running scorers watch, so nothing is restarted, and only on what was read before
// it, so two people who act at once do not overwrite each other.
package release
