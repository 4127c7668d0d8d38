// Package store keeps event histories and decisions in Bigtable: it implements engine.Store.
//
// One table holds everything that one payment needs, so that one multi-row read fetches it:
//
//	acct#<token>              families out, in: one cell per payment of the account
//	dev#<token>               family use: one cell per payment from the device
//	<last 11>#<first 21>      family dec: the decision on one EndToEndId; the random end comes first, so that the
//	                          minutes inside the id do not pile all writes onto one tablet
//	pend#<shard>#<id>         family pend: recorded, but not yet known to be published; 16 shards
//
// An event's qualifier is its time (6 bytes, big endian) and its EndToEndId; the cell's timestamp is its time too.
// Writing it again changes nothing, so every retry is harmless; there are no counters, because the client retries them.
// Columns come back in order of time, and a range of them can be read without walking the row.
//
// A payment costs one bulk write (Record), one multi-row read (Read) and one conditional write (Commit). The
// conditional write is why the app profile must route to a single cluster: with multi-cluster routing Bigtable refuses
// it, and two clusters could each let a first decision win.
//
// Old cells leave by garbage collection (CreateSchema). It goes by the cell's timestamp against Bigtable's own clock,
// so events whose event time is older than the retention may vanish at any moment after they were written.
package store
