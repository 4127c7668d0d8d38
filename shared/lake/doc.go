// Package lake appends to Delta tables on Cloud Storage: what the warehouse holds, for Spark and Databricks to read.
//
// A table is a directory of Parquet files and a log, _delta_log, that says which of them count. Whoever creates log entry
// n + 1 has committed; everything else about the writer follows from that:
//
//   - A data file has a name nobody else uses and is complete before an entry names it. Until then it does not exist.
//   - An entry is created if absent, in one request. A failure may hide a success, so the entry is read back and compared
//     before a conflict is believed.
//   - An entry carries the slice it exports as a transaction (Txn). The log is the only state: a slice that is there
//     already is not written again, and one that began elsewhere than where the log ends is refused.
//   - A checkpoint is decoded and compared before it is uploaded and again before _last_checkpoint names it.
//
// The package speaks the Delta protocol with reader version 1 and writer version 2, append-only. It refuses, with a
// sentence, a table that somebody raised above that. Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md.
// docs/adr/0015-own-delta-writer.md has the reasons.
//
// Files: table.go and commit.go are the way in; schema.go, value.go, shred.go, stats.go and writer.go make data files;
// action.go, log.go, checkpoint.go and sweep.go keep the log; objects.go, directory.go and bucket.go are the storage.
package lake
