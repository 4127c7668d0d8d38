// Package modelstore brings model artefacts from where they are kept to where they are verified.
//
// The layout is the same in a directory, in the files embedded in the binary and in Cloud Storage:
//
//	<root>/<role>/current                    optional: the version in force, one line of text
//	<root>/<role>/<version>/model.txt
//	<root>/<role>/<version>/manifest.json
//	<root>/<role>/<version>/golden.json
//
// Where current exists it decides; otherwise the highest version does, compared as numbers where both are. A version
// directory never changes once written: going forward or one step back is a write to current, which is also the only
// object that needs watching. The package does not judge an artefact; scoring.Load does.
package modelstore
