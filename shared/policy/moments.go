package policy

import (
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Moments are when a payment was decided and how it came, beside its own event time, which its sender states, and its
// arrival. The zero value is that of a payment that is decided at its event time.
type Moments struct {
	DecidedAt time.Time     // zero means that nothing but the event time counts
	Late      time.Duration // how long after its event time it came, where that is late; else zero
	Ahead     time.Duration // how long before its event time it came, where that is too long; else zero
	// Replay says that the payment is not live: its event time alone counts, and the hits say so.
	Replay bool
}

// live reports whether there is a moment of the decision that counts.
func (m *Moments) live() bool { return !m.Replay && !m.DecidedAt.IsZero() }

// standpoint is a moment from which a payment is judged, and the day whose rules are applied.
type standpoint struct {
	local time.Time // in America/Sao_Paulo
	today day
}

// standpoints gives the payment's own, which its sender chose, and the one that must not be evaded by that choice: the
// moment at which the payment came, under the rules in force when it is decided. As a rule they are one.
func (p *Pack) standpoints(in *Input) (own, ours standpoint) {
	local := in.Tx.EventTime.In(p.zone)
	own = standpoint{local, dayOf(local)}
	ours = own
	if !in.live() {
		return own, ours
	}
	if now := dayOf(in.DecidedAt.In(p.zone)); p.changed(own.today, now, in.Tx.Direction) {
		ours.today = now
	}
	ours.local = in.Tx.Moment().In(p.zone)
	return own, ours
}

// changed reports whether other rules are in force on one day than on another.
func (p *Pack) changed(a, b day, d pix.Direction) bool {
	return a != b && slices.ContainsFunc(p.rules, func(r rule) bool { return r.inForce(a, d) != r.inForce(b, d) })
}

// holdUntil returns when the outcome lapses, zero when it does not. A REVIEW counts from the decision when that is later
// than the payment: else what was delayed would be released before anybody saw it. The law counts a BLOCK from when the
// payment was sent.
func (p *Pack) holdUntil(o pix.Outcome, in *Input) time.Time {
	from := in.Tx.EventTime
	if o == pix.Review && in.live() && in.DecidedAt.After(from) {
		from = in.DecidedAt
	}
	hold := p.holdFor(o, from.In(p.zone))
	if hold == 0 {
		return time.Time{}
	}
	return from.Add(hold).UTC()
}

// moments claims what follows from the moments alone.
func (f *findings) moments(m *Moments) {
	if m.Replay {
		f.told(pix.HitReplay, pix.Approve, pix.Reason{})
		return
	}
	if m.Late > 0 {
		pt, en := span(m.Late)
		f.told(HitLate, pix.Review, pix.Reason{
			TextPT: "O pagamento chegou " + pt + " depois do horário que informa e por isso não é aprovado automaticamente.",
			TextEN: "The payment came " + en + " after the time that it states, so it is not approved automatically.",
		})
	}
	if m.Ahead > 0 {
		pt, en := span(m.Ahead)
		f.told(HitAhead, pix.Review, pix.Reason{
			TextPT: "O pagamento chegou " + pt + " antes do horário que informa e por isso não é aprovado automaticamente.",
			TextEN: "The payment came " + en + " before the time that it states, so it is not approved automatically.",
		})
	}
}

func blockOverWords() pix.Reason {
	return pix.Reason{
		TextPT: "O prazo de um bloqueio cautelar deste pagamento já terminou.",
		TextEN: "The time in which this payment could be blocked as a precaution is over.",
	}
}
