// Package table reads and writes the Parquet tables that pixctl's commands hand to one another: vectors, scores.
//
// A table of another writer is read by what its columns say: types that convert exactly are converted, null is missing,
// and the rest is refused by column, type and row. Columns keep their order, memory is bounded by one row group, and a table appears under its name only when it is
// complete.
package table
