// Package scoring turns a model artefact into scores, or refuses it with a reason.
//
// An artefact is three files: model.txt (LightGBM's own text), manifest.json (what it is, what it was trained on and
// the hashes of the others) and golden.json (vectors with LightGBM's own scores and contributions); reference.json (how
// features were spread where it learnt) may be there as well. Nobody can
// review a model by eye, so Load proves it instead: sizes and hashes, the feature list against the contract, a grammar
// and structure of our own, and every golden vector through both readers, the leaves library and the trees of this
// package, which serve. Where the contract names keys, one of them must have signed the manifest. Only a Model that
// passed all of it exists.
//
// # The way of an artefact
//
//	read.go      bounded reads of the files, sha256
//	foreign.go   what a file is that is no part of an artefact
//	signature.go who signed the manifest, where that is asked for
//	fields.go    each field once, in its spelling, not null
//	manifest.go  strict decoding and checks of manifest.json, against the contract
//	text.go      LightGBM text to key=value sections, within Limits
//	tree.go      one section to one tree: arrays, structure (acyclic, every leaf once), row counts
//	forest.go    all trees in flat arrays, and the plain walk
//	walker.go    the same trees laid out for speed: what scores
//	shap.go      exact path-dependent TreeSHAP on the same arrays
//	golden.go    golden.json and the proof
//	coverage.go  that golden vectors meet every split on both sides of its threshold, and every leaf
//	digest.go    that all trees together are those that the exporter saw
//	reference.go how features were spread, and how far served vectors are from it
//	model.go     what serves; set.go swaps it
//
// The package has no clock and no randomness, and everything it does with a file is bounded by Limits.
package scoring
