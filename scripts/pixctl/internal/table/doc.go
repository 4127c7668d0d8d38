// Package table reads and writes the Parquet tables that pixctl's commands hand to one another: vectors, scores.
//
// Columns keep their order, memory is bounded by one row group, and a table appears under its name only when it is
// complete.
package table
