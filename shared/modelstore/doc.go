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
//	<root>/<role>/<version>/reference.json      optional: how features were spread where the model learnt
//	<root>/<role>/<version>/manifest.json.sig   optional: its signature
//
// Where current exists it decides; otherwise the highest version does, in the order in which people count: 10 after 9, v10
// after v9, any number after any name. A version directory never changes once written: going forward or one step back is
// a write to current, which together with challengers is all that is watched: by its generation in Cloud Storage, by its
// content in a directory. A write takes effect only on what was read before it, so of two people who change what is in
// force one is told to look again. In Cloud Storage a write whose reply was lost is refused by its own success when the
// client repeats it: every write leaves its name on the object, which is asked before anything is called a conflict.
//
// Nothing here waits for ever on Cloud Storage: every call has its deadline, and a connection that died without a word is
// found out. In a directory only regular files are read; what a mount that has stalled does to a call no deadline can
// help, so whoever must not hang calls from a goroutine that it can leave behind, as shared/reload does.
//
// # Files
//
//	store.go      roots, artefacts; order.go: which version is higher
//	folder.go     files at hand; directory.go: on disk, where they can be written; memory.go: what was read
//	bucket.go     Cloud Storage; client.go: its connections
//	pointer.go    current and challengers: read, promote, roll back
//	file.go       one file beside models, such as a policy pack
//
// The package does not judge an artefact; scoring.Load does, and who loads one asks it.
package modelstore
