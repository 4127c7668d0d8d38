// Package release is `pixctl model add`, `current`, `promote`, `rollback` and `challengers`: which versions of a model are
// in a store, which one is in force, and which score in shadow.
//
// The last three write one small file that running scorers watch, so nothing is restarted, and only on what was read before
// it, so two people who act at once do not overwrite each other. What a person reads as failed and repeats does no harm:
// to promote again changes nothing, and a rollback that names with -from what it is to leave takes one step at most.
package release
