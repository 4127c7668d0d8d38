package world

import (
	"math"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// stats are an account's settlements as DICT counts them. Windows decay exponentially rather than slide, which costs
// twelve bytes instead of a history; DICT's rounding hides the difference.
type stats struct {
	live, shown [3]float32 // 3 days, 30 days, 6 months
	at, shownAt int32
}

func (s *stats) decay(now int32, windows *[3]float64) {
	days := float64(now-s.at) / (24 * 60)
	if days <= 0 {
		return
	}
	for i := range s.live {
		s.live[i] *= float32(math.Exp(-days / windows[i]))
	}
	s.at = now
}

func (s *stats) settle(now int32, windows *[3]float64) {
	s.decay(now, windows)
	for i := range s.live {
		s.live[i]++
	}
}

// stationary gives every open account the settlements that its age and kind would have brought.
func (w *World) stationary() {
	share := powerLaw(int(w.merchants), 0.9)
	total := 0.0
	for _, v := range share {
		total += v
	}
	perDay := float64(len(w.accounts)) * w.params.PaymentsPerAccountPerDay
	for i := range w.accounts {
		a := &w.accounts[i]
		if a.opened == never {
			continue
		}
		rate := w.dice.lognormal(0.35, 0.8)
		switch a.kind {
		case company:
			rate = w.dice.lognormal(2.5, 0.9)
		case merchant:
			rate = perDay * 0.45 * share[int32(i)-w.people-w.companies] / total
		}
		age := float64(-a.opened) / (24 * 60)
		for k, days := range w.t.windowDays {
			a.stats.live[k] = float32(rate * days * (1 - math.Exp(-age/days)))
		}
		a.stats.shown, a.stats.shownAt = a.stats.live, -w.dice.index(12*60)
		if w.dice.chance(w.t.pastReports[a.kind]) {
			for range w.dice.between(1, 3) {
				w.mark(int32(i), -w.dice.index(180*24*60), w.dice.chance(0.3))
			}
		}
	}
}

// marks are what DICT knows against an account. Entries may lie in the future; they count once they are older than the
// watermark.
type marks struct {
	reported, confirmed []int32 // minutes
}

const maxMarks = 64

// mark adds a report at a minute, confirmed three days later if it is.
func (w *World) mark(i, minute int32, confirmed bool) {
	m := w.marks[i]
	if m == nil {
		m = &marks{}
		w.marks[i] = m
	}
	if len(m.reported) < maxMarks {
		m.reported = append(m.reported, minute)
	}
	if confirmed && len(m.confirmed) < maxMarks {
		m.confirmed = append(m.confirmed, minute+3*24*60)
	}
}

// dictSnapshot is what a DICT look-up of account i returns now, up to twelve hours behind.
func (w *World) dictSnapshot(i, now int32) pix.DICTSnapshot {
	a := &w.accounts[i]
	s := &a.stats
	lag := int32(30 + mix(uint64(i))%(11*60))
	if now-s.shownAt > lag {
		s.decay(now, &w.t.windowDays)
		s.shown, s.shownAt = s.live, now
	}
	watermark := s.shownAt
	snap := pix.DICTSnapshot{
		Watermark:       pix.Some(w.time(watermark)),
		KeyCreatedAt:    pix.Some(w.time(a.keySince)),
		KeyOwnedSince:   pix.Some(w.time(a.keySince)),
		AccountOpenedAt: pix.Some(w.time(a.opened)),
		Settlements: pix.DICTCounter{
			D3: dictRound(float64(s.shown[0])), D30: dictRound(float64(s.shown[1])), M6: dictRound(float64(s.shown[2])),
		},
		RegisteredAccts: pix.Some(int64(1 + mix(uint64(i)+7)%5)),
	}
	w.addMarks(&snap, i, watermark)
	return snap
}

func (w *World) addMarks(snap *pix.DICTSnapshot, i, watermark int32) {
	m := w.marks[i]
	if m == nil {
		m = &marks{}
	}
	snap.FraudsReported = w.countSince(m.reported, watermark)
	snap.FraudsConfirmed = w.countSince(m.confirmed, watermark)
	reported, confirmed := snap.FraudsReported.M6.Or(0), snap.FraudsConfirmed.M6.Or(0)
	snap.DistinctReporters = pix.Some((reported + 1) / 2)
	snap.OpenInfractions = pix.Some(max(snap.FraudsReported.D3.Or(0)-snap.FraudsConfirmed.D3.Or(0), 0))
	snap.MuleMarkers = pix.Some((confirmed + 2) / 3)
	snap.ScammerMarkers = pix.Some(confirmed / 3)
}

func (w *World) countSince(minutes []int32, watermark int32) pix.DICTCounter {
	var n [3]int64
	for _, m := range minutes {
		for k, days := range w.t.windowDays {
			if m <= watermark && float64(watermark-m) < days*24*60 {
				n[k]++
			}
		}
	}
	return pix.DICTCounter{D3: pix.Some(n[0]), D30: pix.Some(n[1]), M6: pix.Some(n[2])}
}

// dictRound rounds up to 0, 1, 5, 10, 50, 100, … as DICT does.
func dictRound(v float64) pix.Optional[int64] {
	if v < 0.5 {
		return pix.Some[int64](0)
	}
	for step := int64(1); ; step *= 10 {
		if v <= float64(step) {
			return pix.Some(step)
		}
		if v <= float64(5*step) {
			return pix.Some(5 * step)
		}
	}
}

// time is a moment in the minute before the given one, to the second, so that it never lies after a payment of that
// minute.
func (w *World) time(minute int32) time.Time {
	second := int64(mix(uint64(uint32(minute))^w.params.Seed) % 60)
	return time.UnixMilli(w.at(minute) - second*1000).UTC()
}
