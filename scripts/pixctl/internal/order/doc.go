// Package order sorts the lines of a log by a moment that each names: in memory as far as its room goes, beyond that in
// runs on disk that are merged (Knuth, The Art of Computer Programming, volume 3, 5.4). Lines of one moment keep their
// order, and every line keeps its number.
//
// Runs hold raw identifiers: their directory is for its owner alone and goes with Close, whatever the outcome.
package order
