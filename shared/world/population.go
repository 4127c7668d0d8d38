package world

import (
	"math"
)

// kind is what an account's owner is.
type kind uint8

const (
	person kind = iota
	company
	merchant
)

// Shares of the population [assumed].
const (
	companyShare  = 0.04 // of the accounts: companies that are no shops
	merchantShare = 0.05 // of the accounts: shops
)

// institutions is how many there are. All are fictitious.
const institutions = 23

// never marks a minute that has not come.
const never = math.MaxInt32

// account is one account and its owner. Times are minutes since the start of the world; negative is before it.
type account struct {
	balance      int64
	income       int32    // centavos a month for people, a day for others
	limit        int32    // centavos a payment and day
	friends      [4]int32 // regular payees: two people, two merchants
	employer     int32    // company that pays the salary by Pix, -1 for none
	opened       int32
	keySince     int32
	deviceSince  int32
	resetAt      int32 // last password reset
	limitAt      int32 // last raise of a limit
	incomeDay    int32 // day up to which income was credited
	stats        stats
	deviceGen    uint16
	kind         kind
	institution  uint8 // 0 is ours
	keyKind      uint8
	accountType  uint8
	age          uint8
	state        uint8
	payday       uint8
	role         roles
	unregistered bool // its device is not registered with the institution yet
	burned       bool // its institution accepted a report of fraud against it
}

// roles are what gangs have used an account for. They never end: DICT remembers.
type roles uint8

const (
	muleRole roles = 1 << iota
	collectorRole
)

// institutionExponent is that of the power law of institutions' shares, as concentrated as Brazil's [assumed: the first
// five of the others hold 58 % of what is not ours].
const institutionExponent = 1.15

func institutionWeights(ourShare float64) []float64 {
	weights := powerLaw(institutions, institutionExponent)
	others := 0.0
	for _, v := range weights[1:] {
		others += v
	}
	for i := range weights {
		weights[i] *= (1 - ourShare) / others
	}
	weights[0] = ourShare
	return weights
}

// populate creates every account. The order is people, companies, merchants, so that a kind is a range of indexes.
func (w *World) populate() {
	n := w.params.Accounts
	w.merchants = max(int32(float64(n)*merchantShare), 4)
	w.companies = max(int32(float64(n)*companyShare), 4)
	w.people = int32(n) - w.merchants - w.companies
	w.accounts = make([]account, n)
	w.bank = newAlias(institutionWeights(w.params.OurShare))
	w.popularity = newAlias(w.merchantWeights())
	activity := make([]float64, n)
	for i := range w.accounts {
		activity[i] = w.create(int32(i))
	}
	w.payers = newAlias(activity)
	// The reserve holds the accounts that are not open yet on the first day; a longer world opens more.
	reserve := min(reserveMost, reserveLeast+reservePerDay*float64(w.params.Days))
	w.nextPerson = w.people - int32(float64(w.people)*reserve)
	w.nextMerchant = int32(n) - max(int32(float64(w.merchants)*reserve), 1)
	for i := w.nextPerson; i < w.people; i++ {
		w.accounts[i].opened = never
	}
	for i := w.nextMerchant; i < int32(n); i++ {
		w.accounts[i].opened = never
	}
}

// Accounts that are not open yet [assumed].
const (
	reserveLeast  = 0.01   // of people and of shops: opened during a world, whatever its length
	reservePerDay = 0.0015 // and for each of its days
	reserveMost   = 0.15   // of people and of shops, together
)

// merchantWeights are the merchants' popularity: a power law whose largest is cut where, at the full scale of Pix, it
// would receive a million payments a day.
func (w *World) merchantWeights() []float64 {
	weights := powerLaw(int(w.merchants), merchantExponent)
	total := 0.0
	for _, v := range weights {
		total += v
	}
	for i := range weights {
		weights[i] = min(weights[i], largestMerchant*total)
	}
	return weights
}

const (
	merchantExponent = 0.9   // of the power law of shops' popularity
	largestMerchant  = 0.011 // of payments to merchants: a million of some 90 million a day
)

func powerLaw(n int, exponent float64) []float64 {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -exponent)
	}
	return weights
}

// create fills account i and returns how active a payer it is.
func (w *World) create(i int32) float64 {
	d, a := w.dice, &w.accounts[i]
	*a = account{
		kind: w.kindOf(i), institution: uint8(w.bank.draw(d)), employer: -1, payday: uint8(d.index(4)),
		age: uint8(d.pick(w.t.ageWeights[:])), state: uint8(d.pick(w.t.stateWeights[:])),
		accountType: uint8(d.pick(w.t.typeWeights[:])), limitAt: -never, resetAt: -never,
	}
	// Ages are exponential with a mean of three years, and one account in twenty is younger than a month [assumed].
	a.opened = -int32(d.r.ExpFloat64() * w.t.accountAge * 365 * 24 * 60)
	if d.chance(w.t.youngAccount) {
		a.opened = -d.index(30 * 24 * 60)
	}
	a.keySince = int32(float64(a.opened) * d.r.Float64())
	a.deviceSince = max(a.opened, -int32(d.r.ExpFloat64()*w.t.deviceAge*24*60))
	a.deviceGen = uint16(d.index(3))
	if d.chance(w.t.onceReset) {
		a.resetAt = max(a.opened, -int32(d.r.ExpFloat64()*w.t.resetAge*24*60))
	}
	if a.kind != person {
		return w.createBusiness(a)
	}
	a.keyKind = uint8(d.pick(w.t.personKeys[:]))
	a.income = int32(min(d.reais(w.t.salary), 20_000_000))
	a.balance = int64(d.curve(w.t.cushion) * float64(a.income))
	a.limit = int32(d.count(w.t.dailyLimit)) * 500_00
	if d.chance(w.t.paidByPix) {
		a.employer = w.people + d.index(w.companies)
	}
	for j := range a.friends {
		a.friends[j] = d.index(w.people)
		if j >= 2 {
			a.friends[j] = w.people + w.companies + w.popularity.draw(d)
		}
	}
	return d.curve(w.t.activity)
}

func (w *World) createBusiness(a *account) float64 {
	d := w.dice
	a.keyKind = uint8(d.pick(w.t.businessKeys[:]))
	a.income = int32(min(d.reais(w.t.revenue), 2_000_000_000))
	a.balance = int64(a.income) * d.count(w.t.firmDays)
	a.limit = companyLimit
	for j := range a.friends {
		a.friends[j] = w.people + d.index(w.companies)
	}
	return d.curve(w.t.trade)
}

const companyLimit = 2_000_000_000 // centavos a payment of a company: none to speak of

func (w *World) kindOf(i int32) kind {
	switch {
	case i < w.people:
		return person
	case i < w.people+w.companies:
		return company
	default:
		return merchant
	}
}

// open says whether account i exists at minute now.
func (w *World) open(i, now int32) bool { return w.accounts[i].opened <= now }

// somebody draws a person whose account is open, other than not.
func (w *World) somebody(now, not int32) int32 {
	for {
		if i := w.dice.index(w.people); i != not && w.open(i, now) {
			return i
		}
	}
}

// newcomer opens a person's account that is at most days old at minute now; when the reserve is used up it returns an
// existing one.
func (w *World) newcomer(now int32, days float64) int32 {
	if w.nextPerson >= w.people {
		return w.somebody(now, -1)
	}
	i := w.nextPerson
	w.nextPerson++
	w.opening(i, now, days)
	w.accounts[i].balance = w.dice.reais(w.t.newBalance)
	return i
}

// newShop opens a merchant's account that is at most days old at minute now, or, when the reserve is used up, returns an
// established company. Not a shop by popularity: a gang's shop that everybody buys from would make a good part of honest
// payments neighbours of fraud.
func (w *World) newShop(now int32, days float64) int32 {
	if w.nextMerchant >= int32(len(w.accounts)) {
		return w.people + w.dice.index(w.companies)
	}
	i := w.nextMerchant
	w.nextMerchant++
	w.opening(i, now, days)
	return i
}

// opening opens account i as of the minute under way, even when it is wanted later: another campaign may use it sooner.
func (w *World) opening(i, now int32, days float64) {
	now = min(now, max(w.minute-1, 0))
	a := &w.accounts[i]
	a.opened = now - 60 - int32(w.dice.r.Float64()*days*24*60)
	a.keySince = a.opened + int32(w.dice.r.Float64()*float64(now-a.opened))
	a.deviceSince = a.opened
	a.resetAt, a.limitAt = -never, -never
	a.incomeDay = w.today
	a.stats = stats{}
}

// AccountBytes is what a world holds for each account: its state and its place among the payers. Campaigns, marks and
// cases under way come on top; they are few.
const AccountBytes = 128 + aliasBytes

const aliasBytes = 8 // of an account, in the table that draws payers
