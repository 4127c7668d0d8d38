package world

import (
	"slices"
	"time"
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
	mules        []mule
	marks        map[int32]*marks

	agenda   agenda
	sequence uint64
	plots    []plot

	startMs   int64
	minute    int32 // next minute to plan, since the start
	last      int32 // first minute after the end
	today     int32 // local day since the start
	day       calendar
	monthDays []uint8 // day of the month of every day of the world
	slots     []int64 // times of the ordinary payments of the minute under way
	slot      int
	emitted   uint64
	text      []byte
}

// New starts a world. Values out of range are clamped; Params.Validate reports them.
func New(p Params) *World {
	p = p.withDefaults()
	w := &World{
		params: p, t: newTables(), dice: newDice(p.Seed), startMs: p.Start.UnixMilli(), today: -1, marks: map[int32]*marks{},
		last: int32(p.Days) * 24 * 60,
	}
	for day := range p.Days {
		w.monthDays = append(w.monthDays, uint8(p.Start.In(p.Location).AddDate(0, 0, day).Day()))
	}
	w.populate()
	w.stationary()
	w.plots = w.schedule()
	return w
}

// Next returns the next payment that touches our institution, false when the last day is over.
func (w *World) Next() (Event, bool) {
	for {
		s, ok := w.nextStep()
		if !ok {
			return Event{}, false
		}
		if e, ok := w.execute(&s); ok {
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
	if day := w.minute / (24 * 60); day != w.today {
		w.today = day
		w.day = w.calendarOf(local)
		w.payroll(from)
	}
	hour := local.Hour()
	perMinute := float64(len(w.accounts)) * w.params.PaymentsPerAccountPerDay / (24 * 60)
	n := w.dice.poisson(perMinute * ordinaryShare * w.day.level * w.t.hourly[hour] / mean(&w.t.hourly))
	w.slots, w.slot = w.slots[:0], 0
	for range n {
		w.slots = append(w.slots, from+w.dice.between(0, minuteMs-1))
	}
	slices.Sort(w.slots)
	for i := range w.plots {
		p := &w.plots[i]
		for range w.dice.poisson(p.perMinute * p.shape[hour] / mean(p.shape) * p.onDay(w.day)) {
			p.launch(w, from+w.dice.between(0, minuteMs-1), p.id)
		}
	}
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

// add plans a step.
func (w *World) add(s step) {
	w.sequence++
	s.seq = w.sequence
	w.agenda.push(s)
}

// execute moves the money of a step, as far as there is any, and returns the payment when we can see it.
func (w *World) execute(s *step) (Event, bool) {
	now := w.minuteOf(s.at)
	if s.payer == s.payee || !w.open(s.payer, now) || !w.open(s.payee, now) {
		return Event{}, false
	}
	payer, payee := &w.accounts[s.payer], &w.accounts[s.payee]
	w.credit(payer)
	w.credit(payee)
	amount := w.affordable(payer, s)
	if amount < 1 {
		return Event{}, false
	}
	before := [2]int64{payer.balance, payee.balance}
	payer.balance -= amount
	payee.balance += amount
	snapshot := w.dictSnapshot(s.payee, now)
	payee.stats.settle(now, &w.t.windowDays)
	if s.onward > 0 {
		w.moveOn(s)
	}
	reports := w.reports(s, amount)
	if payer.institution != 0 && payee.institution != 0 {
		return Event{}, false
	}
	e := Event{Weight: 1, Reports: reports}
	if s.typology > 0 {
		e.Fraud, e.Typology, e.Weight = true, w.t.typologies[s.typology-1], 1/w.params.FraudBoost
	} else if s.lookAlike > 0 {
		e.LookAlike = w.t.lookAlikes[s.lookAlike-1]
	}
	w.describe(&e.Submission, s, facts{amount: amount, before: before, dict: snapshot, now: now})
	return e, true
}

// affordable is what of a step's amount is paid: within the balance, the account's limit and the night limit.
func (w *World) affordable(payer *account, s *step) int64 {
	amount := s.amount
	if amount == 0 {
		amount = int64(float64(payer.balance) * float64(s.share))
	}
	if amount > payer.balance {
		if payer.kind != person {
			payer.balance += amount // a company moves money in from another account of its own
		}
		amount = min(amount, int64(float64(payer.balance)*w.dice.uniform(0.3, 0.95)))
	}
	if payer.kind != person {
		return amount
	}
	amount = min(amount, int64(payer.limit))
	if w.night(s.at) && amount > nightLimit && !w.dice.chance(0.04) {
		amount = nightLimit - w.dice.between(0, 10_000)*w.dice.between(0, 2)
	}
	if payer.unregistered && amount > deviceLimit && !w.dice.chance(0.06) {
		amount = deviceLimit - w.dice.between(0, 40)*100
	}
	return amount
}

const (
	nightLimit  = 1000_00 // R$ 1,000 for people from 20:00 to 06:00
	deviceLimit = 200_00  // Res. BCB 403: a payment from an unregistered device
)

func (w *World) night(at int64) bool {
	hour := time.UnixMilli(at).In(w.params.Location).Hour()
	return hour >= nightFrom || hour < nightTo
}

// credit adds what the account earned outside Pix since it was last touched.
func (w *World) credit(a *account) {
	if a.incomeDay >= w.today {
		return
	}
	first := max(a.incomeDay+1, w.today-31)
	a.incomeDay = w.today
	for day := first; day <= w.today; day++ {
		switch {
		case a.kind != person:
			a.balance += int64(a.income)
		case a.employer >= 0: // paid by Pix
		case w.monthDays[day] == w.t.paydays[a.payday]:
			a.balance += int64(a.income)
		default:
			a.balance += int64(a.income) / 90 // odd jobs, cash deposits
		}
	}
}

// payroll plans the salaries that companies pay by Pix today.
func (w *World) payroll(from int64) {
	if w.day.payday < 0 {
		return
	}
	for i := range w.people {
		a := &w.accounts[i]
		if a.employer < 0 || int(a.payday) != w.day.payday || a.opened == never {
			continue
		}
		at := from + 5*60*minuteMs + int64(w.dice.r.ExpFloat64()*2.5*60*minuteMs)
		if at < from+dayMs {
			w.add(step{at: at, payer: a.employer, payee: i, amount: int64(a.income), initiation: byManual})
		}
	}
}
