package world

// payDaySpree: the salary is in, and an evening of payments follows, many to new shops.
func (w *World) payDaySpree(at int64, id uint8) {
	d := w.dice
	payer := w.wealthy(at, 2)
	a := &w.accounts[payer]
	for range d.between(3, 8) {
		s := step{at: at, payer: payer, lookAlike: id, payee: w.shop(a, 0.3), amount: d.centavos(120, 1.0)}
		s.initiation = uint8(d.pick(w.t.toMerchant[:]))
		if d.chance(0.35) {
			s.payee, s.initiation = w.somebody(w.minuteOf(at), payer), byKey
		}
		if d.chance(0.2) {
			s.amount, s.share = 0, float32(d.uniform(0.2, 0.7))
		}
		s.traits = d.some(odd{pastedKey, .25})
		w.add(s)
		at += d.minutes(11, 1.0)
	}
}

// movingHouse: deposit, van, furniture: large payments to new payees that empty the account within hours.
func (w *World) movingHouse(at int64, id uint8) {
	d := w.dice
	payer := w.wealthy(at, 3)
	raised := d.some(odd{limitRaised, .25})
	for range d.between(2, 5) {
		s := step{at: at, payer: payer, lookAlike: id, share: float32(d.uniform(0.2, 0.9)), traits: raised}
		s.payee, s.initiation = w.somebody(w.minuteOf(at), payer), d.byKeyMostly()
		if d.chance(0.35) {
			s.payee, s.initiation = w.people+d.index(w.companies), byDynamicQR
		}
		s.traits |= d.some(odd{callActive, .2}, odd{pastedKey, .4}, odd{farAway, .3})
		w.add(s)
		at += d.minutes(35, 1.2)
	}
}

// newPhone: the customer's own new device, often with a password reset, and then the usual life.
func (w *World) newPhone(at int64, id uint8) {
	d, now := w.dice, w.minuteOf(at)
	payer := w.somebody(now, -1)
	a := &w.accounts[payer]
	a.deviceGen++
	a.deviceSince = now
	a.unregistered = true
	t := d.some(odd{passwordReset, .4}, odd{failedLogins, .25})
	if t&passwordReset != 0 {
		a.resetAt = now
	}
	at += d.minutes(12, 1.2)
	for range d.between(1, 4) {
		s := step{at: at, payer: payer, lookAlike: id, initiation: byKey, traits: t | d.some(odd{pastedKey, .3})}
		w.between(&s, now)
		if d.chance(0.3) {
			s.payee, s.initiation = w.shop(a, 0.5), byDynamicQR
		} else if d.chance(0.2) {
			s.amount, s.share = 0, float32(d.uniform(0.2, 0.8))
		}
		w.add(s)
		at += d.minutes(30, 1.4)
	}
}

// bigPurchase: a used car, a phone, a trip: one large payment to somebody new, often with the seller on the line.
func (w *World) bigPurchase(at int64, id uint8) {
	d := w.dice
	payer := w.wealthy(at, 3)
	s := step{at: at, payer: payer, lookAlike: id, payee: w.somebody(w.minuteOf(at), payer), initiation: d.byKeyMostly()}
	s.share = float32(d.uniform(0.2, 0.95))
	if d.chance(0.4) {
		s.share, s.amount = 0, roundTo(d.centavos(1500, 0.8))
	}
	s.traits = d.some(odd{callActive, .3}, odd{limitRaised, .15}, odd{farAway, .3}, odd{pastedKey, .35})
	w.add(s)
}

// giftCollection: relatives and colleagues pay a treasurer round amounts, who then pays the shop: fan-in, fan-out.
func (w *World) giftCollection(at int64, id uint8) {
	d, now := w.dice, w.minuteOf(at)
	treasurer := w.somebody(now, -1)
	each := roundTo(d.centavos(70, 0.8))
	hours := d.uniform(0.5, 30)
	end := at
	for range d.between(4, 18) {
		s := step{payee: treasurer, payer: w.somebody(now, treasurer), lookAlike: id, amount: each, initiation: byKey}
		s.at = at + int64(d.uniform(0, hours)*60*minuteMs)
		if d.chance(0.3) {
			s.amount = roundTo(d.centavos(90, 1.0))
		}
		end = max(end, s.at)
		s.traits = d.some(odd{pastedKey, .5})
		w.add(s)
	}
	out := step{at: end + d.minutes(40, 1.3), payer: treasurer, lookAlike: id, share: float32(d.uniform(0.5, 0.97))}
	out.payee, out.initiation = w.shop(&w.accounts[treasurer], 0.2), byDynamicQR
	if d.chance(0.4) {
		out.payee, out.initiation = w.somebody(now, treasurer), byKey
	}
	w.add(out)
}

// streetSeller: a person, often with a fresh account, sells at a fair for the first time: a burst of small payments by
// static code, and the takings leave in the evening.
func (w *World) streetSeller(at int64, id uint8) {
	d, now := w.dice, w.minuteOf(at)
	seller := w.somebody(now, -1)
	if d.chance(0.5) {
		seller = w.newcomer(now, 20)
	}
	w.customers(at, step{payee: seller, lookAlike: id, initiation: byStaticQR}, d.between(8, 40))
	w.takings(at, seller, id)
	if d.chance(0.5) {
		w.takings(at+3*60*minuteMs, seller, id)
	}
}

// shopOpening: the same for a new shop with its own code.
func (w *World) shopOpening(at int64, id uint8) {
	d := w.dice
	shop := w.newShop(w.minuteOf(at))
	w.customers(at, step{payee: shop, lookAlike: id, initiation: byDynamicQR}, d.between(15, 60))
	w.takings(at, shop, id)
}

// customers plans n payments like s within the eight hours after at.
func (w *World) customers(at int64, s step, n int64) {
	for range n {
		s.at = at + w.dice.between(0, 8*60*minuteMs)
		s.payer = w.somebody(w.minuteOf(at), s.payee)
		s.amount = w.dice.centavos(32, 0.9)
		w.add(s)
	}
}

// takings plans the payment that carries most of the day's money away.
func (w *World) takings(at int64, owner int32, id uint8) {
	d := w.dice
	w.add(step{
		at: at + d.between(2*60*minuteMs, 11*60*minuteMs), payer: owner, payee: w.somebody(w.minuteOf(at), owner),
		share: float32(d.uniform(0.5, 0.97)), initiation: byKey, lookAlike: id,
	})
}

// dayWages: somebody pays helpers at the end of the day, several payments of R$ 200 or a little less.
func (w *World) dayWages(at int64, id uint8) {
	d, now := w.dice, w.minuteOf(at)
	payer := w.wealthy(at, 3)
	wage := d.between(12, 20) * 10_00
	for range d.between(3, 7) {
		s := step{at: at, payer: payer, payee: w.somebody(now, payer), lookAlike: id, amount: wage, initiation: byKey}
		if d.chance(0.25) {
			s.amount -= d.between(0, 30) * 100
		}
		s.traits = d.some(odd{pastedKey, .3})
		w.add(s)
		at += d.minutes(5, 0.9)
	}
}
