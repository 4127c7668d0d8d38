package world

// plot is something that happens to people again and again: a fraud or its legitimate look-alike.
type plot struct {
	launch    func(w *World, at int64, p *plot)
	numbers   scenario
	typology  uint8 // 1 + index of Typologies, or 0
	lookAlike uint8 // 1 + index of LookAlikes, or 0
	perMinute float64
	onPayday  float64 // factor on pay-days, 0 for none
	from      int32   // first day on which it happens
}

func (p *plot) onDay(day calendar) float64 {
	if p.onPayday > 0 && day.payday >= 0 {
		return p.onPayday
	}
	return 1
}

// victimShare is the part of fraudulent payments that victims make; the rest is what mules pass on (measured).
const victimShare = 0.54

func launches() (frauds, honest []func(*World, int64, *plot)) {
	return []func(*World, int64, *plot){
			(*World).takeover, (*World).persuasion, (*World).clonedWhatsApp, (*World).fanIn, (*World).fanIn,
			(*World).structure, (*World).persuasion, (*World).medAbuse, (*World).breach, (*World).automaticAbuse,
		}, []func(*World, int64, *plot){
			(*World).payDaySpree, (*World).movingHouse, (*World).newPhone, (*World).toStrangers, (*World).giftCollection,
			(*World).streetSeller, (*World).shopOpening, (*World).toStrangers, (*World).nightOut, (*World).wrongTransfer,
			(*World).treasuryDay, (*World).newSubscription,
		}
}

// schedule turns rates into launches a minute for this world. The typologies of 2025 begin on the drift's day.
func (w *World) schedule() []plot {
	perMinute := float64(len(w.accounts)) / (24 * 60)
	stolen := perMinute * w.params.PaymentsPerAccountPerDay * w.params.FraudPer100k / 100_000 * w.params.FraudBoost
	frauds, honest := launches()
	shares, rates := fraudShares(), honestRates()
	var plots []plot
	for i, sc := range w.t.fraudScenarios() {
		p := plot{launch: frauds[i], numbers: sc, typology: uint8(i + 1)}
		p.perMinute = stolen * victimShare * shares[i][0] / shares[i][1]
		if p.typology == medAbuseID || p.typology == automaticID {
			p.from = w.driftDay
		}
		plots = append(plots, p)
	}
	for i, sc := range w.t.honestScenarios() {
		p := plot{launch: honest[i], numbers: sc, lookAlike: uint8(i + 1)}
		p.perMinute, p.onPayday = rates[i][0]*perMinute, rates[i][1]
		plots = append(plots, p)
	}
	return plots
}

// launchAll begins the campaigns of the minute that starts at from.
func (w *World) launchAll(from int64) {
	for i := range w.plots {
		p := &w.plots[i]
		if w.today < p.from || p.perMinute == 0 {
			continue
		}
		for range w.dice.poisson(p.perMinute * p.numbers.shape[w.hour] / mean(p.numbers.shape) * p.onDay(w.day)) {
			p.launch(w, from+w.dice.between(0, minuteMs-1), p)
		}
	}
	if w.minute == w.breachMinute {
		w.breach(from, &w.plots[breachID-1])
	}
}

// begin returns the first step of a new campaign.
func (w *World) begin(at int64, p *plot) step {
	w.campaigns++
	s := step{at: at, campaign: w.campaigns, typology: p.typology, lookAlike: p.lookAlike}
	if p.typology > 0 {
		s.salt = w.dice.r.Uint32() | 1
		s.gang = uint8(w.dice.index(int32(len(w.gangs))))
	}
	return s
}
