package world

// toMules returns a draw of the gang's mules.
func (w *World) toMules(s *step) func(int32) int32 {
	return func(now int32) int32 { return w.recruit(s.gang, w.at(now)) }
}

// takeover: somebody else is logged in as the customer, or works the customer's device from afar, and drains it.
func (w *World) takeover(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.wealthy(w.minuteOf(at), p.numbers.wealth, -1)
	w.spend(at, &p.numbers, s, w.toMules(&s))
}

// persuasion: the customer pays, talked into it by a false bank or forced at gunpoint. The old are called more often.
func (w *World) persuasion(at int64, p *plot) {
	now := w.minuteOf(at)
	s := w.begin(at, p)
	s.payer = w.wealthy(now, p.numbers.wealth, -1)
	other := w.wealthy(now, p.numbers.wealth, -1)
	if w.accounts[other].age > w.accounts[s.payer].age && w.dice.chance(w.t.olderVictim) {
		s.payer = other
	}
	w.spend(at, &p.numbers, s, w.toMules(&s))
}

// clonedWhatsApp: the friends of one person are asked for money.
func (w *World) clonedWhatsApp(at int64, p *plot) {
	s := w.begin(at, p)
	s.payee = w.recruit(s.gang, at)
	w.collect(at, &p.numbers, s)
}

// fanIn: many people pay one mule.
func (w *World) fanIn(at int64, p *plot) { w.clonedWhatsApp(at, p) }

// structure: payments kept just under the limit of an unregistered device or, at night, of the night.
func (w *World) structure(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.wealthy(w.minuteOf(at), p.numbers.wealth, -1)
	numbers := p.numbers
	if w.night() {
		numbers.under, numbers.below = nightLimit/100, nightBelow*numbers.below
	}
	w.spend(at, &numbers, s, w.toMules(&s))
}

// medAbuse: an accomplice pays somebody "by mistake", asks for the money back on another account, and then disputes the
// first payment as well.
func (w *World) medAbuse(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.recruit(s.gang, at)
	w.mistake(p, s, bait)
}

// mistake plans a payment to the wrong person, who will send the money on.
func (w *World) mistake(p *plot, s step, kind traits) {
	d, now := w.dice, w.minuteOf(s.at)
	s.payee = w.wealthy(now, p.numbers.wealth, s.payer)
	s.initiation = byKey
	s.traits = kind | d.some(p.numbers.each)
	p.numbers.price(d, &s, 0)
	if kind == bait && w.open(s.payer, now) {
		w.accounts[s.payer].balance += s.amount // brought in for the purpose
	}
	w.add(s)
}

// reply plans what the receiver of a mistaken payment does: pay the same amount back, or on to where it is asked for.
func (w *World) reply(s *step, amount int64) {
	d := w.dice
	p := &w.plots[medAbuseID-1]
	next := step{
		payer: s.payee, payee: s.payer, amount: amount, typology: s.typology, lookAlike: s.lookAlike, campaign: s.campaign,
		gang: s.gang, salt: s.salt, initiation: byKey,
	}
	if s.typology > 0 {
		next.onward = uint8(d.between(p.numbers.onward[0], p.numbers.onward[1]))
		if d.chance(otherAccount) {
			next.payee = w.recruit(s.gang, s.at)
		}
	} else if d.chance(rightPerson) {
		next.payee = w.somebody(w.minuteOf(s.at), s.payee)
	}
	next.at = s.at + d.minutes(p.numbers.gap, p.numbers.gapSigma)
	next.traits = d.some(p.numbers.each)
	w.add(next)
}

const (
	nightBelow   = 3    // structuring at night: times the distance from the limit [assumed]
	otherAccount = 0.7  // of MED abuse: the money is asked back on an account other than the payer's [assumed]
	rightPerson  = 0.25 // of honest mistakes: it goes on to the person who was meant [assumed]
)

// automaticAbuse: a fresh company obtains mandates by deceit and collects.
func (w *World) automaticAbuse(at int64, p *plot) {
	s := w.begin(at, p)
	s.payee = w.collector(s.gang, at)
	w.collect(at, &p.numbers, s)
}

// breach: in one night the treasury of another institution is emptied to accounts at many institutions (the shape of
// C&M Software, 2025-06-30: R$ 541 M in 166 payments to 29 institutions).
func (w *World) breach(at int64, p *plot) {
	d := w.dice
	s := w.begin(at, p)
	s.payer = w.treasury
	for range w.breachPayments {
		s.at = p.numbers.moment(d, at, at)
		s.gang = uint8(d.index(int32(len(w.gangs))))
		s.payee = w.recruit(s.gang, s.at)
		p.numbers.price(d, &s, 0)
		s.initiation = uint8(d.pick(p.numbers.forms[:]))
		s.onward = uint8(d.between(p.numbers.onward[0], p.numbers.onward[1]))
		w.add(s)
	}
}
