package world

// ordinaryShare leaves room for the payments of look-alikes and payroll, and makes up for those without funds, so that
// Params.PaymentsPerAccountPerDay is what comes out (measured).
const ordinaryShare = 0.97

// What people pay for, and whom [the split between people and companies after the Banco Central's figures of October
// 2024: 48 % person to person, 40 % to companies; Pix Saque after those of July 2022; the rest assumed].
const (
	toShops         = 0.36   // of people's payments
	toBillers       = 0.085  // of people's payments, on a mean day
	usualShop       = 0.45   // of payments to shops: one of the payer's own
	toFamily        = 0.22   // of payments to people
	toFriends       = 0.36   // of payments to people: regular payees
	largeAmong      = 0.015  // of payments to people: rent, a car, a loan: the heavy tail
	roundAmong      = 0.5    // of payments between people: round amounts
	cashOfShops     = 0.0006 // of payments to shops: Pix Saque
	scheduledBills  = 0.2    // of bills: scheduled
	scheduledOthers = 0.03   // of payments between people: scheduled
	mostCash        = 30     // of Pix Saque, in notes of R$ 10
	pairsOfHome     = 4      // accounts with neighbouring numbers form a household
)

// Initiation forms by index, in the order of tables.initiations.
const (
	byKey = iota
	byManual
	byDynamicQR
	byStaticQR
	byInitiator
	byAutomatic
	byContactless
)

// ordinary draws an everyday payment.
func (w *World) ordinary(at int64) step {
	d := w.dice
	now := w.minuteOf(at)
	i := w.payers.draw(d)
	for !w.open(i, now) {
		i = w.payers.draw(d)
	}
	s := step{at: at, payer: i}
	a := &w.accounts[i]
	switch r := d.r.Float64(); {
	case a.kind != person:
		w.business(&s, now)
	case r < toBillers*w.day.bills:
		s.payee = w.people + d.index(w.companies)
		s.amount = d.reais(w.t.bill)
		s.initiation = uint8(d.pick(w.t.toBiller[:]))
		if d.chance(scheduledBills) {
			s.traits |= scheduledFor15h
		}
	case r < toBillers*w.day.bills+toShops:
		s.payee = w.shop(a, usualShop)
		s.amount = d.reais(w.t.purchase)
		s.initiation = uint8(d.pick(w.t.toMerchant[:]))
		if d.chance(cashOfShops) {
			s.amount, s.initiation, s.traits = d.between(1, mostCash)*10_00, byDynamicQR, withdrawal
		}
	default:
		w.between(&s, now)
	}
	return s
}

// between fills a payment from one person to another.
func (w *World) between(s *step, now int32) {
	d := w.dice
	s.payee = w.acquaintance(s.payer, now)
	s.amount = d.reais(w.t.amongPeople)
	if d.chance(largeAmong) {
		s.amount = d.reais(w.t.largePayment)
	}
	if d.chance(roundAmong) {
		s.amount = roundTo(s.amount)
	}
	s.initiation = uint8(d.pick(w.t.toPerson[:]))
	if d.chance(scheduledOthers) {
		s.traits |= scheduledFor15h
	}
}

// acquaintance draws whom a person pays: somebody at home, a regular payee, or anybody.
func (w *World) acquaintance(payer, now int32) int32 {
	d := w.dice
	switch r := d.r.Float64(); {
	case r < toFamily:
		if i := payer/pairsOfHome*pairsOfHome + d.index(pairsOfHome); i < w.people && i != payer && w.open(i, now) {
			return i
		}
	case r < toFamily+toFriends:
		return w.accounts[payer].friends[d.index(2)]
	}
	return w.somebody(now, payer)
}

// business fills a payment of a company or merchant: suppliers, helpers, the owner's own pocket.
func (w *World) business(s *step, now int32) {
	d := w.dice
	a := &w.accounts[s.payer]
	s.initiation = uint8(d.pick(w.t.toSupplier[:]))
	switch r := d.r.Float64(); {
	case r < w.t.supplierShare:
		s.payee = a.friends[d.index(4)]
		s.amount = d.reais(w.t.supplies)
	case r < w.t.supplierShare+w.t.companyShare:
		s.payee = w.people + d.index(w.companies+w.merchants)
		s.amount = d.reais(w.t.toCompany)
	case r < w.t.supplierShare+w.t.companyShare+w.t.ownerShare && a.kind == merchant: // the day's takings go to the owner
		s.payee = int32(mix(uint64(s.payer)) % uint64(w.people))
		s.share = float32(d.of(w.t.takings))
		s.initiation = byKey
	default:
		s.payee = w.somebody(now, s.payer)
		s.amount = d.reais(w.t.toHelper)
	}
}

// shop draws a merchant: with probability usual one of the payer's own, otherwise by popularity.
func (w *World) shop(a *account, usual float64) int32 {
	if w.dice.chance(usual) {
		return a.friends[2+w.dice.index(2)]
	}
	return w.people + w.companies + w.popularity.draw(w.dice)
}

// roundTo rounds an amount as people do: to 5, 10, 50 or 100 reais by size.
func roundTo(centavos int64) int64 {
	unit := int64(5_00)
	switch {
	case centavos > 1500_00:
		unit = 100_00
	case centavos > 400_00:
		unit = 50_00
	case centavos > 60_00:
		unit = 10_00
	}
	return max((centavos+unit/2)/unit*unit, unit)
}
