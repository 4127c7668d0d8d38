package world

// What the scenarios of look-alikes do not hold [assumed].
const (
	usualInSpree    = 0.3                // payments of a spree to shops: one of the payer's own
	usualWithPhone  = 0.5                // the same from a new phone
	usualForGift    = 0.2                // the same of gifts
	freshSellerDays = 20                 // age of a street seller's account opened for it, at most
	freshShopDays   = 20                 // of a shop that opens
	freshClubDays   = 90                 // of a new company that enrols subscribers
	takingsFrom     = 2 * 60 * minuteMs  // until a seller or shop takes money home, at least
	takingsTo       = 11 * 60 * minuteMs // and at most
	secondAfter     = 3 * 60 * minuteMs  // later, when it happens twice
)

// anybody returns a draw of people other than the payer.
func (w *World) anybody(payer int32) func(int32) int32 {
	return func(now int32) int32 { return w.somebody(now, payer) }
}

// payDaySpree: the salary is in, and an evening of payments follows, mostly to shops.
func (w *World) payDaySpree(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.wealthy(w.minuteOf(at), p.numbers.wealth, -1)
	w.spend(at, &p.numbers, s, func(now int32) int32 {
		if w.dice.chance(w.t.spreeFriend) {
			return w.somebody(now, s.payer)
		}
		return w.shop(&w.accounts[s.payer], usualInSpree)
	})
}

// movingHouse: deposit, van, furniture.
func (w *World) movingHouse(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.wealthy(w.minuteOf(at), p.numbers.wealth, -1)
	w.spend(at, &p.numbers, s, func(now int32) int32 {
		if w.dice.chance(w.t.movingFirm) {
			return w.people + w.dice.index(w.companies)
		}
		return w.somebody(now, s.payer)
	})
}

// newPhone: the customer's own new device, and then the usual life.
func (w *World) newPhone(at int64, p *plot) {
	now := w.minuteOf(at)
	s := w.begin(at, p)
	s.payer = w.somebody(now, -1)
	a := &w.accounts[s.payer]
	a.deviceGen++
	a.deviceSince = now
	a.unregistered = true
	w.spend(at+w.dice.after(w.t.afterNewPhone), &p.numbers, s, func(now int32) int32 {
		if w.dice.chance(w.t.phoneShop) {
			return w.shop(a, usualWithPhone)
		}
		return w.acquaintance(s.payer, now)
	})
}

// toStrangers: a big purchase, or wages for the day's helpers.
func (w *World) toStrangers(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.wealthy(w.minuteOf(at), p.numbers.wealth, -1)
	w.spend(at, &p.numbers, s, w.anybody(s.payer))
}

// nightOut: bars, rides, friends.
func (w *World) nightOut(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.wealthy(w.minuteOf(at), p.numbers.wealth, -1)
	w.spend(at, &p.numbers, s, func(now int32) int32 {
		if w.dice.chance(w.t.nightBar) {
			return w.people + w.companies + w.popularity.draw(w.dice)
		}
		return w.somebody(now, s.payer)
	})
}

// giftCollection: relatives and colleagues pay a treasurer, who then pays the shop.
func (w *World) giftCollection(at int64, p *plot) {
	d := w.dice
	s := w.begin(at, p)
	s.payee = w.somebody(w.minuteOf(at), -1)
	last := w.collect(at, &p.numbers, s)
	out := s
	out.at, out.payer, out.share = last+d.after(w.t.afterGift), s.payee, float32(d.of(w.t.takings))
	out.payee, out.initiation = w.shop(&w.accounts[out.payer], usualForGift), byDynamicQR
	if d.chance(w.t.giftPerson) {
		out.payee, out.initiation = w.somebody(w.minuteOf(at), out.payer), byKey
	}
	w.add(out)
}

// streetSeller: a person, often with a fresh account, sells at a fair for the first time.
func (w *World) streetSeller(at int64, p *plot) {
	now := w.minuteOf(at)
	s := w.begin(at, p)
	s.payee = w.somebody(now, -1)
	if w.dice.chance(w.t.freshSeller) {
		s.payee = w.newcomer(now, freshSellerDays)
	}
	w.collect(at, &p.numbers, s)
	w.takings(at, s)
	if w.dice.chance(w.t.secondTakings) {
		w.takings(at+secondAfter, s)
	}
}

// shopOpening: a new shop's first day.
func (w *World) shopOpening(at int64, p *plot) {
	s := w.begin(at, p)
	s.payee = w.newShop(w.minuteOf(at), freshShopDays)
	w.collect(at, &p.numbers, s)
	w.takings(at, s)
}

// takings plans the payment that carries most of the day's money away.
func (w *World) takings(at int64, s step) {
	d := w.dice
	owner := s.payee
	s.at, s.payer, s.payee = at+d.between(takingsFrom, takingsTo), owner, w.somebody(w.minuteOf(at), owner)
	s.share, s.initiation = float32(d.of(w.t.takings)), byKey
	w.add(s)
}

// wrongTransfer: an honest mistake.
func (w *World) wrongTransfer(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.wealthy(w.minuteOf(at), p.numbers.wealth, -1)
	w.mistake(p, s, sentBack)
}

// treasuryDay: a company's liquidity goes where it is needed.
func (w *World) treasuryDay(at int64, p *plot) {
	s := w.begin(at, p)
	s.payer = w.people + w.dice.index(w.companies)
	w.spend(at, &p.numbers, s, func(int32) int32 { return w.people + w.dice.index(w.companies) })
}

// newSubscription: a school or a club enrols people and collects by Pix Automático.
func (w *World) newSubscription(at int64, p *plot) {
	s := w.begin(at, p)
	s.payee = w.people + w.dice.index(w.companies)
	if w.dice.chance(w.t.freshClub) {
		s.payee = w.newShop(w.minuteOf(at), freshClubDays)
	}
	w.collect(at, &p.numbers, s)
}
