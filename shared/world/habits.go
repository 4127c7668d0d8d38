package world

// curve is a lognormal distribution: its median and the standard deviation of the logarithm.
type curve struct{ median, sigma float64 }

// band is a uniform distribution.
type band struct{ from, to float64 }

// habits are the numbers of everyday life, of the app's telemetry and of campaigns that the scenarios do not hold. All
// of them are assumed.
type habits struct {
	purchase      curve // of a shop, reais
	bill          curve // reais
	amongPeople   curve // between people, reais
	largePayment  curve // rent, a car, a loan between people, reais
	supplies      curve // of companies to their usual suppliers, reais
	toCompany     curve // of companies to any company, reais
	toHelper      curve // of companies to people, reais
	salary        curve // a month, reais
	revenue       curve // of a company outside Pix, a day, reais
	cushion       curve // of a person's balance at the start, in months' salaries
	newBalance    curve // of an account just opened, reais
	activity      curve // of people, against the mean
	trade         curve // the same of companies
	received      curve // settlements a day before the start: people
	receivedFirm  curve // the same: companies
	session       curve // seconds
	longSession   curve // seconds, when the customer is talked through it or looks around
	distance      curve // metres from the usual place
	farDistance   curve // metres, when away
	baitDisputed  curve // minutes until the accomplice of MED abuse disputes the bait
	shopRefund    curve // minutes until a shop returns a purchase
	slowReceipt   curve // milliseconds until a payment is visible, of the slow ones
	lateReceipt   curve // milliseconds, of the late ones
	afterNewPhone curve // minutes from a new phone to its first payment
	afterGift     curve // minutes from the last gift to the purchase
	branchGap     curve // minutes between the branches of a mule's money
	pastReport    curve // reais, of reports before the start

	supplierShare float64    // of a company's payments: to its usual suppliers
	companyShare  float64    // to any company
	ownerShare    float64    // a merchant's takings, to the owner
	takings       band       // share of the balance that the owner, a street seller or a new shop takes home
	youngAccount  float64    // accounts younger than a month at the start
	accountAge    float64    // years, mean of the others, exponential
	deviceAge     float64    // days, mean, exponential
	onceReset     float64    // people whose password was reset at some time
	resetAge      float64    // days since, mean, exponential
	paidByPix     float64    // people whose employer pays by Pix
	dailyLimit    band       // of people, in units of R$ 500
	firmDays      band       // a company's balance at the start, in days' revenues
	payrollHours  float64    // after 05:00 until a salary is paid, mean, exponential
	shortOfFunds  band       // share of the balance that is paid when it does not suffice
	emulator      float64    // devices that look like emulators or are rooted
	gangEmulator  float64    // the same of a gang's device, on top
	loginFailures float64    // more failed log-ins when there is one, mean, exponential
	olderVictim   float64    // of two possible victims of persuasion, the older one
	muleUses      band       // campaigns for which a gang uses a mule after the first
	muleDays      band       // days until a gang drops a mule
	sameCollector float64    // a gang's collector is one that it has
	passedOn      band       // share of a mule's balance in one branch
	cashed        band       // share of what is left that is withdrawn in the end
	overnight     band       // share of the balance that is gone after a night, on a gang's account
	spreeFriend   float64    // payments of a spree to people
	movingFirm    float64    // payments of a move to companies
	phoneShop     float64    // payments from a new phone to shops
	nightBar      float64    // payments of a night out to merchants
	giftPerson    float64    // gifts bought from a person
	freshSeller   float64    // street sellers with an account opened for it
	secondTakings float64    // who takes money home twice
	freshClub     float64    // initiators of new subscriptions that are new companies
	reportSpeed   [3]float64 // shares of reports: the same day, within days, within weeks
	reportDelays  [3]curve   // hours: the same day, days, weeks
}

func newHabits() habits {
	return habits{
		purchase: curve{38, 1.0}, bill: curve{150, 0.9}, amongPeople: curve{80, 1.35}, largePayment: curve{2000, 1.1},
		supplies: curve{620, 1.7}, toCompany: curve{380, 1.7}, toHelper: curve{160, 1.1}, salary: curve{2300, 0.75},
		revenue: curve{900, 1.3}, cushion: curve{0.5, 1.2}, newBalance: curve{40, 1.5}, activity: curve{1, 0.8},
		trade: curve{0.9, 1.1}, received: curve{0.35, 0.8}, receivedFirm: curve{2.5, 0.9}, session: curve{75, 0.8},
		longSession: curve{200, 0.9}, distance: curve{900, 1.6}, farDistance: curve{60_000, 1.5},
		baitDisputed: curve{240, 0.8}, shopRefund: curve{20 * 60, 1.5}, slowReceipt: curve{40_000, 1},
		lateReceipt: curve{20 * minuteMs, 1}, afterNewPhone: curve{12, 1.2}, afterGift: curve{40, 1.3},
		branchGap: curve{4, 1}, pastReport: curve{300, 1},

		supplierShare: 0.40, companyShare: 0.22, ownerShare: 0.18, takings: band{0.4, 0.97}, youngAccount: 0.05,
		accountAge: 3, deviceAge: 500, onceReset: 0.3, resetAge: 180, paidByPix: 0.25, dailyLimit: band{10, 60},
		firmDays: band{2, 30}, payrollHours: 2.5, shortOfFunds: band{0.3, 0.95}, emulator: 0.004, gangEmulator: 0.08,
		loginFailures: 1.2, olderVictim: 0.6, muleUses: band{0, 6}, muleDays: band{1, 12}, sameCollector: 0.7,
		passedOn: band{0.5, 1}, cashed: band{0.85, 1}, overnight: band{0.9, 1}, spreeFriend: 0.35,
		movingFirm: 0.35, phoneShop: 0.3, nightBar: 0.5, giftPerson: 0.4, freshSeller: 0.5, secondTakings: 0.5,
		freshClub:   0.35,
		reportSpeed: [3]float64{0.3, 0.5, 0.2}, reportDelays: [3]curve{{2, 1.1}, {30, 0.8}, {240, 0.9}},
	}
}

// reais draws an amount in centavos from a curve in reais.
func (d dice) reais(c curve) int64 { return d.centavos(c.median, c.sigma) }

// curve draws from a curve.
func (d dice) curve(c curve) float64 { return d.lognormal(c.median, c.sigma) }

// after draws a delay in milliseconds from a curve in minutes.
func (d dice) after(c curve) int64 { return d.minutes(c.median, c.sigma) }

// of draws from a band.
func (d dice) of(b band) float64 { return d.uniform(b.from, b.to) }

// count draws a whole number from a band, both ends included.
func (d dice) count(b band) int64 { return d.between(int64(b.from), int64(b.to)) }
