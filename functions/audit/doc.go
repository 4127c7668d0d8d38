// Package audit writes every decision to the warehouse, one row each.
//
// It is triggered by pix-decisions-v1. The row is written before the message is acknowledged, so nothing is lost; the
// same decision may be written twice, and the view decisions_latest shows it once. The order of messages is irrelevant.
package audit
