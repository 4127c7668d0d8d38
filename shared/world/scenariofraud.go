package world

// Initiation forms that many scenarios share, in the order of tables.initiations.
func keyMostly() [7]float64 { return [7]float64{.78, .12, .07, .03} }
func keyOnly() [7]float64   { return [7]float64{1} }

// fraudScenarios are the typologies' numbers [assumed]. The order is that of Typologies.
func (t *tables) fraudScenarios() []scenario {
	return []scenario{
		{ // account takeover: a device of the gang's, or the customer's own worked from afar; the balance is drained
			shape: &t.sleepless, payments: [2]int64{1, 5}, wealth: 3, share: [2]float64{.25, .9}, gap: 3, gapSigma: .9,
			another: .3, onward: [2]int64{2, 2}, forms: keyMostly(), odds: []odd{
				{trait: strangerDevice, p: .55}, {trait: farAway, p: .5, given: strangerDevice},
				{trait: remoteAccess, p: .5, unless: strangerDevice}, {trait: callActive, p: .3, unless: strangerDevice},
				{trait: passwordReset, p: .45}, {trait: failedLogins, p: .3}, {trait: pastedKey, p: .5},
				{trait: limitRaised, p: .2}, {trait: longSession, p: .35},
			},
		},
		{ // fake bank call: the customer is talked into paying, from the usual device and place
			shape: &t.office, payments: [2]int64{1, 3}, wealth: 2, share: [2]float64{.2, .9}, drawn: .35, median: 1100,
			sigma: .8, round: 1, gap: 8, gapSigma: .9, onward: [2]int64{2, 2}, forms: keyMostly(), odds: []odd{
				{trait: callActive, p: .45}, {trait: remoteAccess, p: .06}, {trait: limitRaised, p: .12},
				{trait: pastedKey, p: .35}, {trait: longSession, p: .4},
			},
		},
		{ // cloned WhatsApp: friends of the person whose account was cloned lend money to a stranger's key
			shape: &t.hourly, payments: [2]int64{2, 7}, wealth: 2, median: 750, sigma: .8, round: .55,
			hours: [2]float64{1, 8}, onward: [2]int64{0, 2}, forms: keyOnly(),
			each: []odd{{trait: pastedKey, p: .5}, {trait: callActive, p: .05}},
		},
		{ // swapped QR code: a sticker over a shop's code; customers pay the usual amounts to a stranger
			shape: &t.hourly, payments: [2]int64{4, 14}, median: 42, sigma: .9, hours: [2]float64{6, 10},
			onward: [2]int64{0, 1}, forms: [7]float64{byStaticQR: 1},
		},
		{ // mule account: it collects from many victims of one swindle and empties itself
			shape: &t.hourly, payments: [2]int64{3, 10}, median: 260, sigma: 1.1, hours: [2]float64{2, 48},
			onward: [2]int64{0, 2}, forms: [7]float64{.6, .05, .2, .15}, each: []odd{{trait: pastedKey, p: .4}},
		},
		{ // structuring: payments kept just under a limit, from an unregistered device or at night
			shape: &t.sleepless, payments: [2]int64{3, 6}, wealth: 2, under: 200, below: 40, gap: 7, gapSigma: .9, another: .3,
			onward: [2]int64{0, 2}, forms: keyMostly(), odds: []odd{
				{trait: strangerDevice, p: .6}, {trait: passwordReset, p: .3}, {trait: remoteAccess, p: .15},
				{trait: pastedKey, p: .4},
			},
		},
		{ // coercion: at night, away from home, up to the limit and again
			shape: &t.nightly, payments: [2]int64{1, 5}, wealth: 2, share: [2]float64{.3, .95}, gap: 9, gapSigma: .9,
			another: .25, onward: [2]int64{1, 2}, forms: keyMostly(), odds: []odd{
				{trait: farAway, p: .55}, {trait: limitRaised, p: .25}, {trait: longSession, p: .4},
				{trait: failedLogins, p: .25}, {trait: strangerDevice, p: .08},
			},
		},
		{ // MED abuse: money "by mistake", asked back to another account, then disputed
			shape: &t.hourly, payments: [2]int64{1, 1}, wealth: 2, median: 420, sigma: .8, round: .4, gap: 45, gapSigma: 1,
			onward: [2]int64{1, 2}, forms: keyOnly(), each: []odd{{trait: pastedKey, p: .4}, {trait: callActive, p: .15}},
		},
		{ // institution breach: one night, the treasury of an institution, large amounts to many institutions
			shape: &t.nightly, payments: [2]int64{166, 166}, median: 1_200_000, sigma: 1.4, round: .3,
			hours: [2]float64{3.5, 3.5}, onward: [2]int64{1, 3}, forms: [7]float64{byKey: .5, byManual: .5},
		},
		{ // Pix Automático abuse: a fresh initiator collects first charges on mandates obtained by deceit
			shape: &t.office, payments: [2]int64{5, 20}, median: 95, sigma: .6, hours: [2]float64{12, 72},
			onward: [2]int64{0, 1}, forms: [7]float64{byAutomatic: 1}, each: []odd{{trait: newMandate, p: .95}},
		},
	}
}

// fraudShares are each typology's share of the victims' payments and how many of them one launch really brings, the
// second measured (TestTypologyShares holds them to it). A breach is not a rate: it has a day of its own.
func fraudShares() [10][2]float64 {
	return [10][2]float64{
		{.21, 3.1}, {.25, 2.0}, {.17, 4.3}, {.09, 8.9}, {.09, 6.3}, {.07, 4.7}, {.04, 3.2}, {.04, 2.0}, {0, 1}, {.04, 11.4},
	}
}
