package world

import (
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// World is a running simulation. It is not safe for concurrent use.
type World struct {
	params Params
	t      *tables
	dice   dice

	accounts   []account
	people     int32 // accounts [0, people) belong to people,
	companies  int32 // the next to companies,
	merchants  int32 // and the rest to merchants
	payers     alias
	bank       alias
	popularity alias // of merchants

	nextPerson   int32 // first account of the reserve that is not open yet
	nextMerchant int32
	gangs        []gang
	style        style
	marks        map[int32]*marks
	files        map[int32]*file
	lastFile     int32

	agenda    agenda
	sequence  uint64
	campaigns int32
	plots     []plot

	treasury       int32 // of the institution that is breached
	breachPayments int
	breachWeight   float64
	breachMinute   int32 // -1 for never
	driftDay       int32 // 0 when everything is so from the start

	startMs int64
	begun   int32 // minutes from local midnight to the start
	minute  int32 // next minute to plan, since the start
	last    int32 // first minute after the end
	hour    int   // local, of the minute under way
	today   int32 // local day since the start
	day     calendar
	paydays []int8  // class of people paid on every day of the world, -1 for none
	slots   []int64 // times of the ordinary payments of the minute under way
	slot    int
	emitted uint64
	// executed counts payments of the last days, plain those of them that have nothing to do with a gang's accounts.
	executed, plain uint64
	returns         uint64
	text            []byte
	stamp           [12]byte // the minute under way as an EndToEndID has it

	pending  []outcome // statuses that have not happened yet
	statuses []pix.Status
	cases    []CaseEvent
}

// New starts a world. Values out of range are clamped; Params.Validate reports them.
func New(p Params) *World {
	p = p.withDefaults()
	w := &World{
		params: p, t: newTables(), dice: newDice(p.Seed), startMs: p.Start.UnixMilli(), today: -1,
		marks: map[int32]*marks{}, files: map[int32]*file{}, last: int32(p.Days) * 24 * 60,
	}
	local := p.Start.In(p.Location)
	w.begun = int32(local.Hour()*60 + local.Minute())
	for day := range p.Days + 1 {
		w.paydays = append(w.paydays, int8(w.calendarOf(local.AddDate(0, 0, day)).payday))
	}
	w.populate()
	w.stationary()
	w.newGangs()
	w.prepareDrift()
	w.plots = w.schedule()
	return w
}

// prepareDrift sets the days on which the world changes.
func (w *World) prepareDrift() {
	p := &w.params
	w.driftDay = int32(max(p.DriftDay-1, 0))
	w.breachMinute = -1
	if p.BreachDay <= 0 {
		return
	}
	// The first company is the treasury of the fourth largest institution.
	w.treasury = w.people
	w.accounts[w.treasury].institution, w.accounts[w.treasury].opened = breachedInstitution, -10*365*24*60
	w.breachMinute = int32(p.BreachDay-1)*24*60 + breachHour*60
	w.breachPayments = min(max(len(w.accounts)*breachPayments/breachFullScale, breachFewest), breachPayments)
	paymentsOfAWorld := float64(len(w.accounts)) * p.PaymentsPerAccountPerDay * float64(p.Days)
	w.breachWeight = min(breachPer100k/100_000*paymentsOfAWorld/float64(w.breachPayments), 1)
}

// minuteLayout is how EndToEndId writes a minute.
const minuteLayout = "200601021504"

// Next returns the next payment that touches our institution, false when the last day is over.
func (w *World) Next() (Event, bool) {
	w.statuses, w.cases = w.statuses[:0], w.cases[:0]
	for {
		s, ok := w.nextStep()
		if !ok {
			w.happenUntil(w.at(w.last))
			return Event{}, false
		}
		if s.act != pay {
			w.proceed(&s)
			continue
		}
		if e, ok := w.execute(&s); ok {
			w.happenUntil(s.at)
			return e, true
		}
	}
}

// nextStep merges the campaigns' agenda with the ordinary payments of the minute under way.
func (w *World) nextStep() (step, bool) {
	for w.slot == len(w.slots) {
		if len(w.agenda) > 0 && w.agenda[0].at < w.at(w.minute) {
			return w.agenda.pop(), true
		}
		if w.minute >= w.last {
			return step{}, false
		}
		w.plan()
	}
	if len(w.agenda) > 0 && w.agenda[0].at <= w.slots[w.slot] {
		return w.agenda.pop(), true
	}
	at := w.slots[w.slot]
	w.slot++
	return w.ordinary(at), true
}

// plan draws the ordinary payments of the next minute and launches its campaigns.
func (w *World) plan() {
	from := w.at(w.minute)
	local := time.UnixMilli(from).In(w.params.Location)
	w.hour = local.Hour()
	local.UTC().AppendFormat(w.stamp[:0], minuteLayout)
	if day := (w.minute + w.begun) / (24 * 60); day != w.today {
		w.today = day
		w.executed, w.plain = w.executed/8, w.plain/8
		w.day = w.calendarOf(local)
		w.payroll(w.at(day*24*60-w.begun), from)
		if day == w.driftDay && day > 0 {
			w.drift()
		}
	}
	perMinute := float64(len(w.accounts)) * w.params.PaymentsPerAccountPerDay / (24 * 60)
	shape := w.hours(w.hour)
	n := w.dice.poisson(perMinute * ordinaryShare * w.day.level * shape[w.hour] / mean(shape))
	w.slots, w.slot = w.slots[:0], 0
	for range n {
		w.slots = append(w.slots, from+w.dice.between(0, minuteMs-1))
	}
	slices.Sort(w.slots)
	w.launchAll(from)
	w.minute++
}

func mean(shape *[24]float64) float64 {
	sum := 0.0
	for _, v := range shape {
		sum += v
	}
	return sum / 24
}

// at is the Unix time in milliseconds of a minute of the world, minuteOf its inverse.
func (w *World) at(minute int32) int64 { return w.startMs + int64(minute)*minuteMs }

func (w *World) minuteOf(at int64) int32 { return int32((at - w.startMs) / minuteMs) }

// night says whether the night limit holds in the minute under way.
func (w *World) night() bool { return w.hour >= nightFrom || w.hour < nightTo }

// add plans a step.
func (w *World) add(s step) {
	w.sequence++
	s.seq = w.sequence
	w.agenda.push(s)
}
