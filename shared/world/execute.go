package world

const (
	nightLimit  = 1000_00 // R$ 1,000 for people from 20:00 to 06:00
	deviceLimit = 200_00  // Res. BCB 403: a payment from an unregistered device
)

// execute moves the money of a step, as far as there is any, and returns the payment when we can see it.
func (w *World) execute(s *step) (Event, bool) {
	now := w.minuteOf(s.at)
	if s.payer == s.payee || !w.open(s.payer, now) || !w.open(s.payee, now) {
		return Event{}, false
	}
	payer, payee := &w.accounts[s.payer], &w.accounts[s.payee]
	w.credit(payer)
	w.credit(payee)
	w.registers(payer, now)
	amount := w.affordable(payer, s)
	if amount < 1 {
		return Event{}, false
	}
	f := facts{amount: amount, before: [2]int64{payer.balance, payee.balance}, now: now}
	if usesKey(s.initiation) {
		f.dict = w.dictSnapshot(s.payee, now)
	}
	refused := w.refusal(s)
	visible := payer.institution == 0 || payee.institution == 0
	weight := w.weight(s)
	var e Event
	if visible {
		e = w.event(s, weight)
		w.describe(&e.Submission, s, f)
		if weight != 1 {
			e.Submission.SamplingWeight = weight
		}
	}
	if refused == 0 {
		w.settle(s, amount, now)
	}
	if visible {
		w.conclude(&e, s, refused)
	}
	if refused == 0 {
		e.Reports = w.afterwards(s, &e, f)
	}
	return e, visible
}

// settle moves the money and plans what follows from it.
func (w *World) settle(s *step, amount int64, now int32) {
	payee := &w.accounts[s.payee]
	w.accounts[s.payer].balance -= amount
	payee.balance += amount
	if s.traits&withdrawal != 0 {
		payee.balance -= amount // the shop hands out cash
	}
	payee.stats.settle(now, &w.t.windowDays)
	if s.typology > 0 && !s.exit && s.traits&bait == 0 {
		w.moveOn(s, amount)
	}
	if s.traits&(bait|sentBack) != 0 {
		w.reply(s, amount)
	}
}

// event fills the truth of a payment.
func (w *World) event(s *step, weight float64) Event {
	e := Event{Weight: weight, Campaign: s.campaign, Payer: s.payer, Payee: s.payee, Layer: int(s.layer)}
	switch {
	case s.typology > 0:
		e.Fraud, e.Typology = true, w.t.typologies[s.typology-1]
		e.PayerRole, e.PayeeRole = w.roles(s)
	case s.lookAlike > 0:
		e.LookAlike = w.t.lookAlikes[s.lookAlike-1]
	}
	return e
}

func (w *World) roles(s *step) (payer, payee Role) {
	payer, payee = Victim, Mule
	switch {
	case s.layer > 0:
		payer = Mule
	case s.traits&bait != 0:
		return Accomplice, Victim
	case s.typology == breachID:
		payer = Institution
	}
	switch {
	case s.exit:
		payee = CashOut
	case w.accounts[s.payee].role&muleRole == 0:
		payee = Collector
	}
	return payer, payee
}

// weight is how many payments of the unboosted world this one stands for. Such a world has 1/FraudBoost of the mules,
// so an honest payment that touches a mule's account counts as little as a fraud: otherwise the boost would make
// neighbours of fraud, and accounts known to DICT, look common. What then is missing from the sum is taken from fraud as
// well, so that fraud keeps its share.
func (w *World) weight(s *step) float64 {
	if s.typology == breachID {
		return w.breachWeight
	}
	w.executed++
	near := (w.accounts[s.payer].role | w.accounts[s.payee].role) != 0
	if s.typology == 0 && !near {
		w.plain++
		return 1
	}
	if w.params.FraudBoost == 1 {
		return 1
	}
	return float64(w.plain+1) / float64(w.executed+1) / w.params.FraudBoost
}

// affordable is what of a step's amount is paid: within the balance, the account's limit and the night limit.
func (w *World) affordable(payer *account, s *step) int64 {
	amount := s.amount
	if amount == 0 {
		amount = int64(float64(payer.balance) * float64(s.share))
	}
	if amount > payer.balance {
		if payer.kind != person && s.layer == 0 {
			payer.balance += amount // a company moves money in from another account of its own
		}
		amount = min(amount, int64(float64(payer.balance)*w.dice.of(w.t.shortOfFunds)))
	}
	if payer.kind != person {
		return amount
	}
	amount = min(amount, int64(payer.limit))
	if w.night() && amount > nightLimit && !w.dice.chance(raisedAtNight) {
		amount = nightLimit - w.dice.between(0, underNight)*w.dice.between(0, underNightTimes)
	}
	unregistered := payer.unregistered
	if s.traits&strangerDevice != 0 {
		_, registered := stolenDevice(s, w.minuteOf(s.at))
		unregistered = !registered
	}
	if unregistered && amount > deviceLimit && !w.dice.chance(unlimitedDevice) {
		amount = deviceLimit - w.dice.between(0, underDevice)*100
	}
	return amount
}

// How people meet the limits [assumed].
const (
	raisedAtNight   = 0.04   // of people: the institution lets more than the night limit through
	unlimitedDevice = 0.06   // of people: more than the limit of an unregistered device
	underNight      = 100_00 // who wants more at night pays up to so many centavos less than the limit,
	underNightTimes = 2      // none, once or twice
	underDevice     = 40     // the same from an unregistered device, reais
)

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
		case w.paydays[day] == int8(a.payday):
			a.balance += int64(a.income)
		default:
			a.balance += int64(a.income) / oddJobs
		}
	}
	if a.role != 0 && w.dice.chance(emptiedOvernight) {
		a.balance -= int64(float64(a.balance) * w.dice.of(w.t.overnight))
	}
}

// emptiedOvernight is the share of days after which nothing is left on a gang's account, whatever came in [set so that
// as little of the reported money is recovered as is published].
const emptiedOvernight = 0.85

// oddJobs is the part of a month's income that comes on any other day, in cash [assumed: 1/90].
const oddJobs = 90

const payrollFrom = 5 * 60 * minuteMs // after midnight: no salary is paid before [assumed]

// payroll plans the salaries that companies pay by Pix today.
func (w *World) payroll(midnight, from int64) {
	if w.day.payday < 0 {
		return
	}
	for i := range w.people {
		a := &w.accounts[i]
		if a.employer < 0 || int(a.payday) != w.day.payday || a.opened == never {
			continue
		}
		at := midnight + payrollFrom + int64(w.dice.r.ExpFloat64()*w.t.payrollHours*60*minuteMs)
		if at >= from && at < midnight+dayMs {
			w.add(step{at: at, payer: a.employer, payee: i, amount: int64(a.income), initiation: byManual})
		}
	}
}
