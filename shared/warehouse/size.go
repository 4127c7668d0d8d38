package warehouse

import "github.com/sentinela-pix/sentinela/shared/pix"

// DecisionRowBytes is how many bytes of a decision's row are sent to BigQuery, for planning.
func DecisionRowBytes(d *pix.Decision) int { return len(encode(nil, decisionColumns(), d)) }
