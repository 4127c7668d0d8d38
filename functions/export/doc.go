// Package export brings what was written to the warehouse to the lake: one Delta commit for each table and each hour of
// stamps (written_at).
//
// It is triggered by pix-exports-v1. A slice begins where the lake's log ends and ends warehouse.StampMargin before now. The log
// is the only state: a tick may come twice, late or not at all, and of two exporters that do the same one commits.
// Rows whose append took longer than it should are found by counting: what the warehouse has of an hour and the lake has
// not goes with the next commit, and an alarm is raised. docs/adr/0017-export-by-stamp.md has the reasons.
package export
