package world

import (
	"math"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// outcome is a settlement or rejection that is still to come, seconds after its payment.
type outcome struct {
	at, eventAt int64
	id          pix.EndToEndID
	reason      uint8 // 0 when settled
}

// Times and rates of a payment's end. Settlement within 40 s, p50 1.4 s and p95 2.3 s of the receiving institution are
// published; the rest is assumed.
const (
	settlesAfter    = 1400.0            // milliseconds, median
	settlesSpread   = 0.302             // so that the 95th percentile is 2.3 s
	settlesWithin   = 40_000            // milliseconds, the limit (published)
	receivedAfter   = 180.0             // milliseconds from the payment to the moment it is visible to us, median
	receivedSpread  = 0.6               // σ of that
	receivedSlow    = 0.005             // share that takes about a minute
	receivedLate    = 0.0001            // share that takes much longer
	latestReceived  = 2 * 60 * minuteMs // nothing is seen later
	rejectedByKey   = 0.005             // published for December 2020
	rejectedManual  = 0.03              // 0.098 was published for December 2020; customers have learnt since
	rejectedSuspect = 0.15              // by the receiving institution, when DICT has confirmed fraud on the account: FRAD
)

// refusal draws whether a payment is rejected and returns 1 + the index of its reason, 0 when it settles.
func (w *World) refusal(s *step) uint8 {
	d, p := w.dice, rejectedByKey
	if s.initiation == byManual {
		p = rejectedManual
	}
	if d.chance(p) {
		return 1 + uint8(d.pick(w.t.rejectWeights[:]))
	}
	if w.accounts[s.payee].burned && d.chance(rejectedSuspect) {
		return 1 + fradReason
	}
	return 0
}

// conclude sets when we saw the payment and plans its first status.
func (w *World) conclude(e *Event, s *step, refused uint8) {
	d := w.dice
	after := d.lognormal(receivedAfter, receivedSpread)
	switch r := d.r.Float64(); {
	case r < receivedLate:
		after = d.curve(w.t.lateReceipt)
	case r < receivedLate+receivedSlow:
		after = d.curve(w.t.slowReceipt)
	}
	e.Submission.ReceivedAt = time.UnixMilli(s.at + int64(min(after, latestReceived))).UTC()
	e.Rejected = refused > 0
	took := d.lognormal(settlesAfter, settlesSpread)
	if refused == 1 { // AB03: the time was up
		took = settlesWithin
	}
	w.push(outcome{at: s.at + int64(math.Min(took, settlesWithin)), eventAt: s.at, id: e.Submission.ID, reason: refused})
}

// Statuses returns what became of payments between the payment that Next returned last and the one before it, in order
// of OccurredAt. After the last payment it returns the rest. It is valid until the next call of Next.
func (w *World) Statuses() []pix.Status { return w.statuses }

// happenUntil moves the outcomes up to a moment into the statuses.
func (w *World) happenUntil(at int64) {
	for len(w.pending) > 0 && w.pending[0].at <= at {
		o := w.pop()
		s := pix.Status{
			ID: o.id, EventTime: time.UnixMilli(o.eventAt).UTC(), State: pix.Settled, OccurredAt: time.UnixMilli(o.at).UTC(),
		}
		if o.reason > 0 {
			s.State, s.ReasonCode = pix.Rejected, w.t.rejectReasons[o.reason-1]
		}
		w.statuses = append(w.statuses, s)
	}
}

// push and pop keep the outcomes in a binary heap by time; they are those of a few seconds.
func (w *World) push(o outcome) {
	h := append(w.pending, o)
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if h[parent].at <= h[i].at {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	w.pending = h
}

func (w *World) pop() outcome {
	h := w.pending
	top, last := h[0], len(h)-1
	h[0], h[last] = h[last], outcome{}
	h = h[:last]
	w.pending = h
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if child+1 < last && h[child+1].at < h[child].at {
			child++
		}
		if h[i].at <= h[child].at {
			return top
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
