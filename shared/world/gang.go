package world

// gang is a network of mules that lend or sell their accounts, and of companies that collect.
type gang struct {
	mules      []mule
	collectors []int32
}

// mule is an account that a gang uses for a while.
type mule struct {
	account int32
	uses    uint8 // campaigns left
	until   int32 // minute at which the gang drops it
}

const (
	maxMules           = 256          // of one gang
	maxGangs           = 64           // in one world
	maxCollectors      = 8            // of one gang
	accountsPerGang    = 1500         // accounts of the world for each gang, three gangs at least
	soldAccount        = 0.75         // of rented accounts: the owner no longer lives on it
	soldIncome         = 20           // and only one part in so many of the income still comes in
	collectorCompany   = 0.8          // chance that a collector is a freshly opened company
	freshMuleDays      = 25           // age of a person's account opened for the purpose, at most
	freshFirmDays      = 40           // of a company's account
	freshCollectorDays = 90           // of a collector
	knownSince         = 60 * 24 * 60 // minutes since the report of a rented account that has one already, at most
	knownClosed        = 4 * 24 * 60  // minutes from that report to its decision
	fewestNotes        = 2            // of R$ 50: a Pix Saque of a mule's money, at least
	mostNotes          = 60           // and at most
)

// style is how gangs work in one epoch. The networks change on the drift's day [assumed].
type style struct {
	reuse          float64 // a mule that the gang has already
	fresh          float64 // an account opened for the purpose; the others are rented
	firm           float64 // a company's account
	known          float64 // a rented account with reports in DICT already
	dwell, spread  float64 // minutes until money moves on, lognormal
	rest           float64 // the money rests for the time being
	cash           float64 // cash machine or card: nothing to see
	swept          float64 // whatever is left is withdrawn in the end
	exit           float64 // by Pix to an honest exchange or shop, or as a Pix Saque
	collect        float64 // to the gang's collector
	branch         float64 // chance of each further branch, up to four
	ownDevice      float64 // the gang works the account from a device of its own
	manual         float64 // account data instead of a key
	deeper         float64 // chance that the next layer moves it on as well
	dropWhenMarked float64 // an account against which a report was accepted
}

func styles() [2]style {
	return [2]style{
		{
			reuse: .7, fresh: .28, firm: .06, known: .15, dwell: 16, spread: 1.3, rest: .06, cash: .3, swept: .92,
			exit: .12, collect: .1, branch: .35, ownDevice: .35, manual: .15, deeper: .35, dropWhenMarked: .6,
		},
		{
			reuse: .5, fresh: .18, firm: .22, known: .1, dwell: 45, spread: 1.5, rest: .06, cash: .2, swept: .92,
			exit: .22, collect: .16, branch: .5, ownDevice: .2, manual: .3, deeper: .45, dropWhenMarked: .8,
		},
	}
}

func (w *World) newGangs() {
	n := min(max(len(w.accounts)/accountsPerGang, 3), maxGangs)
	w.gangs = make([]gang, n)
	w.style = styles()[0]
}

// drift drops every mule and changes the way gangs work.
func (w *World) drift() {
	w.newGangs()
	w.style = styles()[1]
}

// recruit returns a mule's account: often one already in use, else a rented or a fresh one.
func (w *World) recruit(g uint8, at int64) int32 {
	d, now, gang := w.dice, w.minuteOf(at), &w.gangs[g]
	for len(gang.mules) > 0 && (d.chance(w.style.reuse) || len(gang.mules) >= maxMules) {
		k := int(d.index(int32(len(gang.mules))))
		m := &gang.mules[k]
		if m.uses > 0 && m.until > now && !(w.accounts[m.account].burned && d.chance(w.style.dropWhenMarked)) {
			m.uses--
			return m.account
		}
		gang.mules[k] = gang.mules[len(gang.mules)-1]
		gang.mules = gang.mules[:len(gang.mules)-1]
	}
	account := w.muleAccount(now)
	w.accounts[account].role |= muleRole
	gang.mules = append(gang.mules, mule{
		account: account, uses: uint8(d.count(w.t.muleUses)), until: now + int32(d.count(w.t.muleDays))*24*60,
	})
	return account
}

func (w *World) muleAccount(now int32) int32 {
	d := w.dice
	fresh := d.chance(w.style.fresh)
	switch {
	case d.chance(w.style.firm) && fresh:
		return w.shell(w.newShop(now, freshFirmDays))
	case d.chance(w.style.firm):
		return w.shell(w.people + d.index(w.companies))
	case fresh:
		return w.newcomer(now, freshMuleDays)
	}
	account := w.somebody(now, -1)
	if d.chance(soldAccount) { // its owner's money goes elsewhere from now on
		w.accounts[account].income, w.accounts[account].employer = w.accounts[account].income/soldIncome, -1
	}
	if d.chance(w.style.known) {
		opened := now - d.index(knownSince)
		w.mark(account, mark{
			opened: opened, closed: opened + knownClosed, agreed: d.chance(pastAgreed), centavos: d.reais(w.t.pastReport),
			kind: uint8(d.pick(w.t.markerWeights[:])),
		})
	}
	return account
}

// shell empties a company that from now on has no business but the gang's.
func (w *World) shell(i int32) int32 {
	w.accounts[i].balance, w.accounts[i].income = 0, 0
	return i
}

// collector returns one of the gang's companies.
func (w *World) collector(g uint8, at int64) int32 {
	gang, d := &w.gangs[g], w.dice
	if n := len(gang.collectors); n > 0 && (n >= maxCollectors || d.chance(w.t.sameCollector)) {
		return gang.collectors[d.index(int32(n))]
	}
	account := w.people + d.index(w.companies)
	if d.chance(collectorCompany) {
		account = w.newShop(w.minuteOf(at), freshCollectorDays)
	}
	w.shell(account)
	w.accounts[account].role |= collectorRole
	gang.collectors = append(gang.collectors, account)
	return account
}

// moveOn plans what a mule does with the money that has just arrived: after a while most of it goes to the next layer
// in one or several branches, to the gang's collector, or out of Pix.
func (w *World) moveOn(s *step, received int64) {
	d, st := w.dice, &w.style
	if d.chance(st.rest) {
		return
	}
	if d.chance(st.swept) {
		w.add(step{at: s.at + d.minutes(sweptAfter*st.dwell, st.spread), act: sweep, payee: s.payee, amount: received})
	}
	if s.onward == 0 || d.chance(st.cash) {
		return
	}
	next := step{
		at: s.at + d.minutes(st.dwell, st.spread), payer: s.payee, typology: muleAccountID, layer: s.layer + 1,
		campaign: s.campaign, gang: s.gang, salt: s.salt,
	}
	if s.typology == breachID {
		next.typology = breachID // one theft, however many layers
	}
	if d.chance(st.ownDevice) {
		next.traits = strangerDevice
	}
	for branch := 0; branch == 0 || branch < 4 && d.chance(st.branch); branch++ {
		w.branchOut(&next, s.onward, received)
		w.add(next)
		next.at += d.after(w.t.branchGap)
	}
}

// sweptAfter is how many times the dwell time it takes until what is left is withdrawn.
const sweptAfter = 1.2

// withdraw takes money out of Pix by cash machine or card, which nobody sees.
func (w *World) withdraw(s *step) {
	a := &w.accounts[s.payee]
	taken := a.balance
	if a.kind != person {
		taken = min(s.amount, a.balance)
	}
	a.balance -= int64(float64(taken) * w.dice.of(w.t.cashed))
}

// branchOut chooses where one branch of the money goes.
func (w *World) branchOut(next *step, onward uint8, received int64) {
	d, st := w.dice, &w.style
	next.share, next.amount, next.onward, next.exit = float32(d.of(w.t.passedOn)), 0, 0, false
	if w.accounts[next.payer].kind != person { // a company has a business to hide behind; a person's account is emptied
		next.amount = max(int64(float64(received)*float64(next.share)), 1)
	}
	next.traits &^= withdrawal
	next.initiation = byKey
	if d.chance(st.manual) {
		next.initiation = byManual
	}
	switch r := d.r.Float64(); {
	case r < st.exit/2: // an exchange
		next.payee = w.people + int32(mix(uint64(d.index(exchanges)))%uint64(w.companies))
		next.exit, next.initiation = true, byDynamicQR
	case r < st.exit: // Pix Saque at a shop
		next.payee, next.exit, next.initiation = w.people+w.companies+w.popularity.draw(d), true, byDynamicQR
		next.traits |= withdrawal
		next.amount, next.share = d.between(fewestNotes, mostNotes)*50_00, 0
	case r < st.exit+st.collect:
		next.payee = w.collector(next.gang, next.at)
	default:
		next.payee = w.recruit(next.gang, next.at)
		if onward > 1 && d.chance(st.deeper) {
			next.onward = onward - 1
		}
	}
}

// exchanges is how many companies buy and sell crypto-assets; everybody uses them.
const exchanges = 3
