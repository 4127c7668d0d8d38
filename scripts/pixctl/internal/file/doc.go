// Package file opens what pixctl reads and writes: an input that is not there or holds nothing is named, and an output
// appears under its name only when it is whole, never over one of the inputs.
package file
