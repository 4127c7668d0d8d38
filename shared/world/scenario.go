package world

// scenario holds the numbers of one typology or look-alike. All of them are assumed; docs/world.md prints them.
type scenario struct {
	shape         *[24]float64 // hours at which it begins
	payments      [2]int64     // of one launch, inclusive
	wealth        int          // the payer is the richest of so many people
	share         [2]float64   // of the payer's balance, when the amount is not drawn
	drawn         float64      // chance that the amount is drawn instead
	median, sigma float64      // of a drawn amount in reais, lognormal
	round         float64      // chance that a drawn amount is a round one
	under, below  float64      // or the amount is under so many reais, by at most so many
	same          float64      // chance that a payment repeats the first amount of its campaign
	gap, gapSigma float64      // minutes to the next payment, lognormal
	hours         [2]float64   // or the payments fall at random within so many hours
	another       float64      // chance that the next payment goes to another payee
	onward        [2]int64     // layers that stolen money moves on through
	forms         [7]float64   // initiation forms
	odds          []odd        // circumstances of the whole campaign
	each          []odd        // circumstances of each payment
}

// odd is a circumstance and its probability, given other circumstances or unless they are there.
type odd struct {
	trait         traits
	p             float64
	given, unless traits
}

// some returns the traits whose chance comes true.
func (d dice) some(odds []odd) traits {
	var t traits
	for _, o := range odds {
		if t&o.given == o.given && t&o.unless == 0 && d.chance(o.p) {
			t |= o.trait
		}
	}
	return t
}

// justUnder is the chance that an amount under a limit has centavos [assumed].
const justUnder = 0.3

// price sets what a step pays: a share of the balance, a drawn amount, the first amount again or one under a limit.
func (sc *scenario) price(d dice, s *step, first int64) {
	if sc.same > 0 && first > 0 && d.chance(sc.same) {
		s.amount, s.share = first, 0
		return
	}
	s.amount, s.share = 0, float32(d.uniform(sc.share[0], sc.share[1]))
	switch {
	case sc.under > 0:
		s.amount, s.share = int64(sc.under*100)-d.between(0, int64(sc.below))*100, 0
		if d.chance(justUnder) {
			s.amount -= d.between(0, 99)
		}
	case sc.share[1] == 0 || d.chance(sc.drawn):
		s.amount, s.share = d.centavos(sc.median, sc.sigma), 0
	}
	if s.amount > 0 && d.chance(sc.round) {
		s.amount = roundTo(s.amount)
	}
}

// moment draws when the next payment of a campaign that began at `from` happens; `at` is the last one.
func (sc *scenario) moment(d dice, from, at int64) int64 {
	if sc.hours[1] > 0 {
		return from + int64(d.r.Float64()*sc.hours[1]*60*minuteMs)
	}
	return at + d.minutes(sc.gap, sc.gapSigma)
}

// spend plans one payer's payments; payee draws each one's receiver.
func (w *World) spend(at int64, sc *scenario, s step, payee func(now int32) int32) {
	d := w.dice
	s.at, s.payee = at, payee(w.minuteOf(at))
	s.initiation = uint8(d.pick(sc.forms[:]))
	whole, first := s.traits|d.some(sc.odds), int64(0)
	for range d.between(sc.payments[0], sc.payments[1]) {
		sc.price(d, &s, first)
		if first == 0 {
			first = s.amount
		}
		s.traits = whole | d.some(sc.each)
		s.onward = uint8(d.between(sc.onward[0], sc.onward[1]))
		w.add(s)
		s.at = sc.moment(d, at, s.at)
		if d.chance(sc.another) {
			s.payee = payee(w.minuteOf(s.at))
			s.initiation = uint8(d.pick(sc.forms[:]))
		}
	}
}

// collect plans many payers' payments to one payee and returns when the last of them happens.
func (w *World) collect(at int64, sc *scenario, s step) int64 {
	d, last, now := w.dice, at, w.minuteOf(at)
	whole, first := s.traits, int64(0)
	within := *sc
	within.hours[1] = d.uniform(sc.hours[0], sc.hours[1])
	for range d.between(sc.payments[0], sc.payments[1]) {
		s.at = within.moment(d, at, at)
		s.payer = w.wealthy(now, max(sc.wealth, 1), s.payee)
		sc.price(d, &s, first)
		if first == 0 {
			first = s.amount
		}
		s.traits = whole | d.some(sc.each)
		s.initiation = uint8(d.pick(sc.forms[:]))
		s.onward = uint8(d.between(sc.onward[0], sc.onward[1]))
		last = max(last, s.at)
		w.add(s)
	}
	return last
}

// wealthy draws an open person's account, other than not: the richest of a few.
func (w *World) wealthy(now int32, of int, not int32) int32 {
	best := w.somebody(now, not)
	for range of - 1 {
		if i := w.somebody(now, not); w.accounts[i].balance > w.accounts[best].balance {
			best = i
		}
	}
	return best
}
