package replay

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// recent remembers the payments of the current and the previous day of the log, which bounds its memory and covers
// every redelivery that a log can hold: the bridge's offsets rewind by minutes.
type recent struct {
	day         int64
	today, past map[pix.EndToEndID]struct{}
}

// before reports whether the payment was seen, and remembers it.
func (r *recent) before(id pix.EndToEndID, at time.Time) bool {
	if day := at.Unix() / (24 * 60 * 60); r.today == nil || day > r.day {
		r.day, r.past, r.today = day, r.today, map[pix.EndToEndID]struct{}{}
	}
	if _, ok := r.past[id]; ok {
		return true
	}
	if _, ok := r.today[id]; ok {
		return true
	}
	r.today[id] = struct{}{}
	return false
}
