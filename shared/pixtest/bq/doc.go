// Package bq starts the BigQuery emulator (REST and Storage gRPC) for pixtest. It is the only importer of the
// emulator, whose SQL engine takes minutes to compile.
package bq
