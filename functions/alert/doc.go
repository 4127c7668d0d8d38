// Package alert raises an alert for every decision that is not an approval: a row in the warehouse for the analysts and
// a message on pix-alerts-v1 for their tools.
//
// It is triggered by pix-decisions-v1. Both are at-least-once: a repeated decision gives the same alert again, the view
// alerts_latest shows it once, and a subscriber removes duplicates by EndToEndId.
package alert
