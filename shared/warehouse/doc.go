// Package warehouse writes the audit trail to BigQuery: every decision, every alert and every label, one row each.
//
// Rows travel through the Storage Write API's default stream. One stream per table is shared by the whole process, and
// concurrent calls share one append (group commit): each caller returns once the append that carried its row is
// acknowledged. The default stream is at-least-once, so a table may hold a row twice; the views named *_latest remove
// duplicates by EndToEndId and are what people query.
//
// The table schemas are the JSON files under schema/, in BigQuery's own format; Terraform creates the production tables
// from the same files. The encoders in this package are checked against them whenever a Warehouse is opened, so that a
// column added in one place only is refused at the start rather than lost silently.
package warehouse
