// Package store keeps event histories and decisions in Bigtable: it implements engine.Store.
//
// One table holds everything that one payment needs, so that one multi-row read fetches it:
//
//	acct#<token>              families out, in: one cell per payment of the account, and one per status of it
//	pair#<token>#<token>      family out: the same, from the first account to the second
//	dev#<token>               family use: one cell per payment from the device
//	                          in all three: first (earliest event of each stream), mark (reports of fraud), meta (which
//	                          streams are hot, and their watermarks)
//	<entity>#<family>#r...    raw events of a hot stream, ten seconds in a row; s, m, h and d rows hold its tiles
//	hot#<shard>#...           family hot: the index of hot streams
//	<last 11>#<first 21>      family dec: the decision on one EndToEndId; the random end comes first, so that the
//	                          minutes inside the id do not pile all writes onto one tablet
//	pend#<shard>#<minute>#<id>
//	                          family pend: recorded, but not yet known to be published; 16 shards, by the minute of the
//	                          payment's event time
//	minute#<minute>           family pend: that minute may hold marks, so a sweep looks there
//	register#<name>           family meta: a value that processes agree by, such as who sweeps
//
// An event's qualifier is its time (6 bytes, big endian) and its EndToEndId; the cell's timestamp is its time too.
// Writing it again changes nothing, so every retry is harmless; there are no counters, because the client retries them.
// Columns come back in order of time.
//
// A payment costs one bulk write (Record), one multi-row read (Read) and one conditional write (Commit). What is
// read is taken off the wire without the client's objects (rowreader.go): docs/adr/0031-fewer-cheaper-store-calls.md. The
// conditional write is why the app profile must route to a single cluster: with multi-cluster routing Bigtable refuses
// it, and two clusters could each let a first decision win.
//
// A stream of more than feature.BusyEvents events in 30 days becomes hot: its events go to rows of ten seconds, and
// payments read tiles instead of all but the newest. docs/adr/0008-hot-streams.md says how and why. If you are about to
// change it, read that first, then in this order: layout.go (rows), write.go and late.go (how an event gets in),
// withdraw.go (how it gets out again), read.go and join.go (how a history is put together), tend.go (promotion,
// moving), seal.go (tiles). oracle_test.go holds every payment of every test against one pass over the raw list.
//
// While a rotation of the token key lasts, a payment reads the rows of both tokens. What outlives the windows is carried
// over to the row of the new one (carry.go).
//
// Old cells leave by garbage collection (CreateSchema). It goes by the cell's timestamp against Bigtable's own clock,
// so events whose event time is older than the retention may vanish at any moment after they were written.
package store
