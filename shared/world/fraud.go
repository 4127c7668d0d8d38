package world

// muleAccountID is 1 + the index of MuleAccount in Typologies.
const muleAccountID = 5

// wealthy draws an open person's account worth robbing: the richest of a few.
func (w *World) wealthy(at int64, of int) int32 {
	now := w.minuteOf(at)
	best := w.somebody(now, -1)
	for range of - 1 {
		if i := w.somebody(now, -1); w.accounts[i].balance > w.accounts[best].balance {
			best = i
		}
	}
	return best
}

// some returns the traits whose chance comes true.
func (d dice) some(odds ...odd) traits {
	var t traits
	for _, o := range odds {
		if d.chance(o.p) {
			t |= o.trait
		}
	}
	return t
}

// odd is a trait and its probability.
type odd struct {
	trait traits
	p     float64
}

// byKeyMostly is how a fraudster has money sent.
func (d dice) byKeyMostly() uint8 {
	return uint8(d.pick([]float64{0.78, 0.12, 0.07, 0.03}))
}

// takeover: somebody else is logged in as the customer, or works the customer's device from afar, and drains it.
func (w *World) takeover(at int64, id uint8) {
	d := w.dice
	s := step{at: at, payer: w.wealthy(at, 3), payee: w.recruit(at), typology: id, onward: 2, salt: d.r.Uint32() | 1}
	s.traits = d.some(odd{passwordReset, .45}, odd{failedLogins, .3}, odd{pastedKey, .5}, odd{limitRaised, .2})
	if d.chance(0.55) {
		s.traits |= strangerDevice | d.some(odd{farAway, .5})
	} else {
		s.traits |= d.some(odd{remoteAccess, .5}, odd{callActive, .3})
	}
	s.initiation = d.byKeyMostly()
	for range d.between(1, 5) {
		s.share = float32(d.uniform(0.25, 0.9))
		w.add(s)
		s.at += d.minutes(3, 0.9)
		if d.chance(0.3) {
			s.payee = w.recruit(s.at)
		}
	}
}

// fakeBankCall: the customer is talked into paying, from the usual device and place.
func (w *World) fakeBankCall(at int64, id uint8) {
	d := w.dice
	victim, other := w.wealthy(at, 2), w.wealthy(at, 2)
	if w.accounts[other].age > w.accounts[victim].age && d.chance(0.6) {
		victim = other
	}
	s := step{at: at, payer: victim, payee: w.recruit(at), typology: id, onward: 2, salt: d.r.Uint32() | 1}
	s.traits = d.some(odd{callActive, .45}, odd{remoteAccess, .06}, odd{limitRaised, .12}, odd{pastedKey, .35})
	s.initiation = d.byKeyMostly()
	for range d.between(1, 3) {
		s.share = float32(d.uniform(0.2, 0.9))
		if d.chance(0.35) {
			s.share, s.amount = 0, roundTo(d.centavos(1100, 0.8))
		}
		w.add(s)
		s.at += d.minutes(8, 0.9)
	}
}

// clonedWhatsApp: friends of the person whose account was cloned lend money to a stranger's key.
func (w *World) clonedWhatsApp(at int64, id uint8) {
	d := w.dice
	s := step{payee: w.recruit(at), typology: id, initiation: byKey, salt: d.r.Uint32() | 1}
	for range d.between(2, 7) {
		s.at = at + d.minutes(70, 1.1)
		s.payer = w.wealthy(at, 2)
		s.amount = d.centavos(750, 0.8)
		if d.chance(0.55) {
			s.amount = roundTo(s.amount)
		}
		s.onward = uint8(d.between(0, 2))
		s.traits = d.some(odd{pastedKey, .5}, odd{callActive, .05})
		w.add(s)
	}
}

// swappedQR: a sticker over a shop's static code; customers pay the usual amounts to a stranger.
func (w *World) swappedQR(at int64, id uint8) {
	d := w.dice
	s := step{payee: w.recruit(at), typology: id, initiation: byStaticQR, salt: d.r.Uint32() | 1}
	for range d.between(4, 14) {
		s.at = at + d.between(0, 8*60*minuteMs)
		s.payer = w.somebody(w.minuteOf(at), s.payee)
		s.amount = d.centavos(42, 0.9)
		s.onward = 0
		if d.chance(0.15) {
			s.onward = 2
		}
		w.add(s)
	}
}

// muleFanIn: an account collects from many victims of one swindle (a shop that does not exist, an investment) and
// empties itself.
func (w *World) muleFanIn(at int64, id uint8) {
	d := w.dice
	s := step{payee: w.recruit(at), typology: id, salt: d.r.Uint32() | 1}
	hours := d.uniform(2, 48)
	for range d.between(3, 10) {
		s.at = at + int64(d.uniform(0, hours)*60*minuteMs)
		s.payer = w.somebody(w.minuteOf(at), s.payee)
		s.amount = d.centavos(260, 1.1)
		s.initiation = uint8(d.pick([]float64{0.6, 0.05, 0.2, 0.15}))
		s.onward = uint8(d.between(0, 2))
		s.traits = d.some(odd{pastedKey, .4})
		w.add(s)
	}
}

// structure: payments kept just under a limit, from a device that is not registered or at night.
func (w *World) structure(at int64, id uint8) {
	d := w.dice
	s := step{at: at, payer: w.wealthy(at, 2), payee: w.recruit(at), typology: id, salt: d.r.Uint32() | 1}
	s.initiation = d.byKeyMostly()
	s.traits = d.some(odd{strangerDevice, .6}, odd{passwordReset, .3}, odd{remoteAccess, .15}, odd{pastedKey, .4})
	limit, spread := int64(deviceLimit), int64(40)
	if w.night(at) {
		limit, spread = nightLimit, 120
	}
	for range d.between(3, 6) {
		s.amount = limit - d.between(0, spread)*100
		if d.chance(0.3) {
			s.amount = limit - d.between(0, 99)
		}
		s.onward = uint8(d.between(0, 2))
		w.add(s)
		s.at += d.minutes(7, 0.9)
		if d.chance(0.3) {
			s.payee = w.recruit(s.at)
		}
	}
}
