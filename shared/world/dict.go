package world

import (
	"math"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// windows is how many windows DICT counts over: three of v1 (3 and 30 days, 6 months), three of v2 (90 days, 12 and 60
// months).
const (
	windows     = 6 // windows that DICT counts over
	longWindows = 3 // index of the first of v2
)

// Delays of DICT's watermarks [published: up to 12 hours], and rare states of keys [assumed].
const (
	shortestLag     = 30           // minutes
	longestLag      = 11*60 + 30   // v1
	longerByV2      = 30           // v2 lags by up to this many minutes more
	withoutData     = 97           // one account in so many has no statistics yet: its watermark is the epoch
	openClaims      = 1500         // one key in so many has an open claim of portability or ownership
	claimMinutes    = 14 * 24 * 60 // for how long
	distinctKeys    = 5            // accounts registered to one owner, at most
	pastReportsMost = 3            // reports before the start against one account, at most
	pastAgreed      = 0.3          // of reports before the start: accepted
	receivedByShops = 0.45         // of all payments before the start
	markDays        = 5 * 365      // what is older than v2's longest window
	maxMarks        = 64           // of one account; the oldest give way
)

// stats are an account's settlements as DICT counts them. Windows decay exponentially rather than slide, which costs
// four bytes a window instead of a history; v1's rounding hides most of the difference.
type stats struct {
	live, shown [windows]float32
	at, shownAt int32
}

func (s *stats) decay(now int32, days *[windows]float64) {
	passed := float64(now-s.at) / (24 * 60)
	if passed <= 0 {
		return
	}
	for i := range s.live {
		x := passed / days[i]
		if x < 0.05 {
			s.live[i] *= float32(1 - x + x*x/2)
		} else {
			s.live[i] *= float32(math.Exp(-x))
		}
	}
	s.at = now
}

func (s *stats) settle(now int32, days *[windows]float64) {
	s.decay(now, days)
	for i := range s.live {
		s.live[i]++
	}
}

// stationary gives every open account the settlements that its age and kind would have brought.
func (w *World) stationary() {
	share := w.merchantWeights()
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
		rate := w.dice.curve(w.t.received)
		switch a.kind {
		case company:
			rate = w.dice.curve(w.t.receivedFirm)
		case merchant:
			rate = perDay * receivedByShops * share[int32(i)-w.people-w.companies] / total
		}
		age := float64(-a.opened) / (24 * 60)
		for k, days := range w.t.windowDays {
			a.stats.live[k] = float32(rate * days * (1 - math.Exp(-age/days)))
		}
		a.stats.shown, a.stats.shownAt = a.stats.live, -w.dice.index(12*60)
		if w.dice.chance(w.t.pastReports[a.kind]) {
			for range w.dice.between(1, pastReportsMost) {
				opened := -w.dice.index(180 * 24 * 60)
				closed := opened + w.dice.index(maxAnalysis/minuteMs)
				w.mark(int32(i), mark{
					opened: opened, closed: closed, agreed: w.dice.chance(pastAgreed), centavos: w.dice.reais(w.t.pastReport),
					kind: uint8(w.dice.pick(w.t.markerWeights[:])),
				})
			}
		}
	}
}

// mark is one report of fraud against an account. Its moments may lie in the future; they count once the watermark has
// passed them.
type mark struct {
	opened, closed int32 // minutes
	agreed         bool
	kind           uint8 // index of tables.markerWeights
	centavos       int64
}

// marks are what DICT knows against an account.
type marks struct{ all []mark }

// Kinds of DICT's fraud markers.
const (
	scammerMarker = iota
	muleMarker
	applicationMarker
)

// mark adds a report against account i.
func (w *World) mark(i int32, m mark) {
	known := w.marks[i]
	if known == nil {
		known = &marks{}
		w.marks[i] = known
	}
	if len(known.all) >= maxMarks {
		copy(known.all, known.all[1:])
		known.all = known.all[:maxMarks-1]
	}
	known.all = append(known.all, m)
}

// dictSnapshot is what a DICT look-up of account i returns now, up to twelve hours behind.
func (w *World) dictSnapshot(i, now int32) pix.DICTSnapshot {
	a := &w.accounts[i]
	s, h := &a.stats, mix(uint64(i))
	if lag := int32(shortestLag + h%(longestLag-shortestLag)); now-s.shownAt > lag {
		s.decay(now, &w.t.windowDays)
		// A watermark as old as DICT's happens to be, or its age would tell how often the account is looked up.
		s.shown, s.shownAt = s.live, now-int32(mix(h^uint64(now))%uint64(lag))
	}
	snap := pix.DICTSnapshot{
		KeyCreatedAt:    pix.Some(w.time(a.keySince)),
		KeyOwnedSince:   pix.Some(w.time(a.keySince)),
		AccountOpenedAt: pix.Some(w.time(a.opened)),
		RegisteredAccts: pix.Some(int64(1 + mix(uint64(i)+7)%distinctKeys)),
	}
	if h>>20%openClaims == 0 {
		if begun := now - int32(h>>40%(2*claimMinutes)); now-begun < claimMinutes && begun > a.opened {
			snap.ClaimOpenedAt = pix.Some(w.time(begun))
		}
	}
	if s.shownAt < a.opened || h>>32%withoutData == 0 {
		snap.Watermark = pix.Some(time.Unix(0, 0).UTC())
		return snap
	}
	snap.Watermark = pix.Some(w.time(s.shownAt))
	snap.Settlements = pix.DICTCounter{
		D3: dictRound(float64(s.shown[0])), D30: dictRound(float64(s.shown[1])), M6: dictRound(float64(s.shown[2])),
	}
	snap.Long.Watermark = pix.Some(w.time(max(s.shownAt-int32(h>>50%longerByV2), a.opened)))
	snap.Long.Settlements = pix.DICTLongCounter{
		D90: whole(s.shown[longWindows]), M12: whole(s.shown[longWindows+1]), M60: whole(s.shown[longWindows+2]),
	}
	w.addMarks(&snap, i, s.shownAt)
	return snap
}

func whole(v float32) pix.Optional[int64] { return pix.Some(int64(v + 0.5)) }

// counts are the sums that a snapshot takes from an account's marks, by window.
type counts struct {
	reported, confirmed, rejected, applications, centavos [windows]int64
	mules, scammers, open, reporters                      int64
}

// addMarks fills what DICT says against account i at its watermark.
func (w *World) addMarks(snap *pix.DICTSnapshot, i, watermark int32) {
	var n counts
	if known := w.marks[i]; known != nil {
		for k := range known.all {
			n.add(&known.all[k], watermark, &w.t.windowDays)
		}
	}
	three := func(c [windows]int64) pix.DICTCounter {
		return pix.DICTCounter{D3: pix.Some(c[0]), D30: pix.Some(c[1]), M6: pix.Some(c[2])}
	}
	long := func(c [windows]int64) pix.DICTLongCounter {
		return pix.DICTLongCounter{
			D90: pix.Some(c[longWindows]), M12: pix.Some(c[longWindows+1]), M60: pix.Some(c[longWindows+2]),
		}
	}
	snap.FraudsReported, snap.FraudsConfirmed, snap.FraudsRejected = three(n.reported), three(n.confirmed), three(n.rejected)
	snap.MuleMarkers, snap.ScammerMarkers = pix.Some(n.mules), pix.Some(n.scammers)
	snap.DistinctReporters = pix.Some((n.reporters + 1) / 2)
	snap.OpenInfractions = pix.Some(n.open)
	snap.Long.ApplicationFrauds, snap.Long.FraudCentavos = long(n.applications), long(n.centavos)
}

func (n *counts) add(m *mark, watermark int32, days *[windows]float64) {
	if m.opened > watermark || watermark-m.opened > markDays*24*60 {
		return
	}
	n.reporters++
	closed := m.closed <= watermark
	if !closed {
		n.open++
	}
	for k, d := range days {
		window := int32(d * 24 * 60)
		if watermark-m.opened < window {
			n.reported[k]++
		}
		if !closed || watermark-m.closed >= window {
			continue
		}
		if !m.agreed {
			n.rejected[k]++
		} else {
			n.confirmed[k]++
			n.centavos[k] += m.centavos
			if m.kind == applicationMarker {
				n.applications[k]++
			}
		}
	}
	if !closed || !m.agreed || watermark-m.closed > 365*24*60 {
		return
	}
	switch m.kind {
	case muleMarker:
		n.mules++
	case scammerMarker:
		n.scammers++
	}
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
