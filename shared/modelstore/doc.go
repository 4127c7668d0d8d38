// Package modelstore brings model artefacts from where they are kept to where they are verified, and follows what is in
// force.
//
// The layout is the same in a directory, in the files embedded in the binary and in Cloud Storage:
//
//	<root>/<role>/current                    optional: the version in force, one line of text; those before it follow
//	<root>/<role>/challengers                optional: the versions that score in shadow, one a line
//	<root>/<role>/<version>/model.txt
//	<root>/<role>/<version>/manifest.json
//	<root>/<role>/<version>/golden.json
//
// Where current exists it decides; otherwise the highest version does, compared as numbers where both are. A version
// directory never changes once written: going forward or one step back is a write to current, which together with
// challengers is all that is watched: by its generation in Cloud Storage, by its content in a directory. A write takes
// effect only on what was read before it, so of two people who change what is in force one is told to look again.
//
// # Files
//
//	store.go     roots, artefacts
//	folder.go    files at hand; bucket.go: Cloud Storage
//	pointer.go   current and challengers: read, promote, roll back
//	watcher.go   keeps a scoring.Set at what the pointers say; metrics.go counts
//
// The package does not judge an artefact; scoring.Load does, and the watcher asks it.
package modelstore
