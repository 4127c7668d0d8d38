package world

// honestScenarios are the look-alikes' numbers [assumed]. The order is that of LookAlikes.
func (t *tables) honestScenarios() []scenario {
	return []scenario{
		{ // pay-day spree: the salary is in, and an evening of payments follows, many to new shops
			shape: &t.hourly, payments: [2]int64{3, 8}, wealth: 2, share: [2]float64{.2, .7}, drawn: .8, median: 120, sigma: 1,
			gap: 11, gapSigma: 1, another: 1, forms: t.toMerchant, each: []odd{{trait: pastedKey, p: .25}},
		},
		{ // moving house: deposit, van, furniture: large payments to new payees that empty the account within hours
			shape: &t.office, payments: [2]int64{2, 5}, wealth: 3, share: [2]float64{.2, .9}, gap: 35, gapSigma: 1.2,
			another: 1, forms: keyMostly(), odds: []odd{{trait: limitRaised, p: .25}}, each: []odd{
				{trait: callActive, p: .2}, {trait: pastedKey, p: .4}, {trait: farAway, p: .3}, {trait: longSession, p: .2},
			},
		},
		{ // new phone: the customer's own new device, often with a password reset, and then the usual life
			shape: &t.hourly, payments: [2]int64{1, 4}, share: [2]float64{.2, .8}, drawn: .86, median: 85, sigma: 1.3,
			round: .5, gap: 30, gapSigma: 1.4, another: 1, forms: [7]float64{byKey: .7, byDynamicQR: .3},
			odds: []odd{{trait: passwordReset, p: .4}, {trait: failedLogins, p: .25}, {trait: longSession, p: .3}},
			each: []odd{{trait: pastedKey, p: .3}},
		},
		{ // big purchase: a used car, a trip: one large payment to somebody new, often with the seller on the line
			shape: &t.hourly, payments: [2]int64{1, 1}, wealth: 3, share: [2]float64{.2, .95}, drawn: .4, median: 1500,
			sigma: .8, round: 1, gap: 1, forms: keyMostly(), odds: []odd{
				{trait: callActive, p: .3}, {trait: limitRaised, p: .15}, {trait: farAway, p: .3}, {trait: pastedKey, p: .35},
				{trait: remoteAccess, p: .004}, {trait: longSession, p: .3},
			},
		},
		{ // gift collection: colleagues pay a treasurer, who then pays the shop: fan-in, fan-out
			shape: &t.hourly, payments: [2]int64{4, 18}, median: 75, sigma: .8, round: .9, same: .6,
			hours: [2]float64{.5, 30}, forms: keyOnly(), each: []odd{{trait: pastedKey, p: .5}},
		},
		{ // street seller: a person sells at a fair: a burst of small payments by static code, and the takings leave
			shape: &t.office, payments: [2]int64{8, 40}, median: 32, sigma: .9, hours: [2]float64{6, 10},
			forms: [7]float64{byStaticQR: 1},
		},
		{ // shop opening: the same for a new shop with its own code
			shape: &t.office, payments: [2]int64{15, 60}, median: 32, sigma: .9, hours: [2]float64{6, 10},
			forms: [7]float64{byDynamicQR: .8, byStaticQR: .2},
		},
		{ // day wages: helpers are paid at the end of the day, several payments of R$ 200 or a little less
			shape: &t.hourly, payments: [2]int64{3, 7}, wealth: 3, under: 200, below: 80, round: .75, same: .6, gap: 5,
			gapSigma: .9, another: 1, forms: keyOnly(), each: []odd{{trait: pastedKey, p: .3}},
		},
		{ // night out: bars, rides, a split bill, an emergency; away from home and now and then up to the night limit
			shape: &t.nightly, payments: [2]int64{2, 6}, wealth: 2, share: [2]float64{.3, .9}, drawn: .75, median: 90,
			sigma: .9, round: .5, gap: 35, gapSigma: 1, another: .9,
			forms: [7]float64{byKey: .55, byDynamicQR: .25, byStaticQR: .2},
			odds:  []odd{{trait: farAway, p: .45}, {trait: limitRaised, p: .05}},
			each:  []odd{{trait: failedLogins, p: .1}, {trait: longSession, p: .1}},
		},
		{ // wrong transfer: money sent by mistake comes back, or goes on to the right person, as a new payment
			shape: &t.hourly, payments: [2]int64{1, 1}, wealth: 2, median: 220, sigma: 1, round: .4, gap: 60, gapSigma: 1.2,
			forms: keyOnly(), each: []odd{{trait: pastedKey, p: .3}, {trait: callActive, p: .15}},
		},
		{ // treasury day: a company moves large sums to several institutions, sometimes outside office hours
			shape: &t.treasury, payments: [2]int64{3, 12}, median: 45_000, sigma: 1.4, round: .4, gap: 6, gapSigma: 1.2,
			another: 1, forms: [7]float64{byKey: .5, byManual: .5},
		},
		{ // new subscription: a school or a club enrols people: first charges on fresh mandates
			shape: &t.office, payments: [2]int64{8, 40}, median: 95, sigma: .6, hours: [2]float64{6, 96},
			forms: [7]float64{byAutomatic: 1}, each: []odd{{trait: newMandate, p: .95}},
		},
	}
}

// honestRates are the look-alikes' launches per account and day, and the factor on pay-days (0 for none) [assumed].
func honestRates() [12][2]float64 {
	return [12][2]float64{
		{.0006, 6}, {.0005, 1.5}, {.0012, 0}, {.0018, 2}, {.0003, 0}, {.00016, 0}, {.00004, 0}, {.0006, 2}, {.0010, 2},
		{.0004, 0}, {.00008, 1.5}, {.00003, 0},
	}
}
