package replay

import "github.com/sentinela-pix/sentinela/shared/pix"

// waiting is a payment that was read but had not arrived yet at the log's current moment.
type waiting struct {
	visible  int64 // milliseconds
	sequence int   // order of the log, so that equal moments keep it
	tx       *pix.Transaction
}

func (w *waiting) before(o *waiting) bool {
	return w.visible < o.visible || w.visible == o.visible && w.sequence < o.sequence
}

// held is a binary heap by moment of arrival, bounded by Config.MaxHeld.
type held []waiting

func (h *held) push(w waiting) {
	*h = append(*h, w)
	q := *h
	for i := len(q) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q[i].before(&q[parent]) {
			return
		}
		q[i], q[parent] = q[parent], q[i]
		i = parent
	}
}

func (h *held) pop() waiting {
	q := *h
	top, last := q[0], len(q)-1
	q[0], q[last] = q[last], waiting{}
	q = q[:last]
	*h = q
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if right := child + 1; right < last && q[right].before(&q[child]) {
			child = right
		}
		if !q[child].before(&q[i]) {
			return top
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}
