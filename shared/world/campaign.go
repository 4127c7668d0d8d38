package world

// plot is something that happens to people again and again: a fraud or its legitimate look-alike.
type plot struct {
	launch    func(w *World, at int64, id uint8)
	shape     *[24]float64
	id        uint8   // 1 + index of Typologies or LookAlikes
	perMinute float64 // launches in the whole world
	onPayday  float64 // factor on pay-days, 1 by default
	share     float64 // of the victims' payments, frauds only
	size      float64 // victims' payments of one launch that are really made, frauds only
}

func (p *plot) onDay(day calendar) float64 {
	if p.onPayday > 0 && day.payday >= 0 {
		return p.onPayday
	}
	return 1
}

// frauds are the typologies' plots: each one's share of the victims' payments, and how many of them one launch
// brings (TestFraudRate holds them to it). The order is that of Typologies.
func (w *World) frauds() []plot {
	return []plot{
		{launch: (*World).takeover, shape: &w.t.sleepless, share: 0.24, size: 3.0},
		{launch: (*World).fakeBankCall, shape: &w.t.office, share: 0.27, size: 2.0},
		{launch: (*World).clonedWhatsApp, shape: &w.t.hourly, share: 0.19, size: 4.5},
		{launch: (*World).swappedQR, shape: &w.t.hourly, share: 0.10, size: 9.0},
		{launch: (*World).muleFanIn, shape: &w.t.hourly, share: 0.10, size: 6.5},
		{launch: (*World).structure, shape: &w.t.sleepless, share: 0.10, size: 4.5},
	}
}

// victimShare is the part of fraudulent payments that victims make; the rest is what mules pass on.
const victimShare = 0.7

// honest are the look-alikes' plots with their launches per account and day [assumed]. The order is that of
// LookAlikes.
func (w *World) honest() []plot {
	return []plot{
		{launch: (*World).payDaySpree, shape: &w.t.hourly, perMinute: 0.0006, onPayday: 6},
		{launch: (*World).movingHouse, shape: &w.t.office, perMinute: 0.0005, onPayday: 1.5},
		{launch: (*World).newPhone, shape: &w.t.hourly, perMinute: 0.0012},
		{launch: (*World).bigPurchase, shape: &w.t.hourly, perMinute: 0.0018, onPayday: 2},
		{launch: (*World).giftCollection, shape: &w.t.hourly, perMinute: 0.0003},
		{launch: (*World).streetSeller, shape: &w.t.office, perMinute: 0.00016},
		{launch: (*World).shopOpening, shape: &w.t.office, perMinute: 0.00004},
		{launch: (*World).dayWages, shape: &w.t.hourly, perMinute: 0.0006, onPayday: 2},
	}
}

// schedule turns rates into launches a minute for this world.
func (w *World) schedule() []plot {
	perMinute := float64(len(w.accounts)) / (24 * 60)
	stolen := perMinute * w.params.PaymentsPerAccountPerDay * w.params.FraudPer100k / 100_000 * w.params.FraudBoost
	frauds, honest := w.frauds(), w.honest()
	for i := range frauds {
		frauds[i].id = uint8(i + 1)
		frauds[i].perMinute = stolen * victimShare * frauds[i].share / frauds[i].size
	}
	for i := range honest {
		honest[i].id = uint8(i + 1)
		honest[i].perMinute *= perMinute
	}
	return append(frauds, honest...)
}

// mule is an account that a gang uses for a while.
type mule struct {
	account int32
	uses    uint8 // campaigns left
	until   int32 // minute at which the gang drops it
}

const maxMules = 4096

// recruit returns a mule's account: often one already in use, else a rented or a fresh one [assumed: seven in
// ten are in use already, and one in four of the others is fresh].
func (w *World) recruit(at int64) int32 {
	d, now := w.dice, w.minuteOf(at)
	for len(w.mules) > 0 && (d.chance(0.7) || len(w.mules) >= maxMules) {
		k := int(d.index(int32(len(w.mules))))
		m := &w.mules[k]
		if m.uses > 0 && m.until > now {
			m.uses--
			return m.account
		}
		w.mules[k] = w.mules[len(w.mules)-1]
		w.mules = w.mules[:len(w.mules)-1]
	}
	account := w.somebody(now, -1)
	if d.chance(0.28) {
		account = w.newcomer(now, 25)
	} else if d.chance(0.15) {
		w.mark(account, now-d.index(60*24*60), d.chance(0.4))
	}
	w.mules = append(w.mules, mule{account: account, uses: uint8(d.between(0, 6)), until: now + int32(d.between(1, 12))*24*60})
	return account
}

// moveOn plans what a mule does with money that has just arrived: after a while most of it goes to the next layer, and
// some leaves Pix in cash.
func (w *World) moveOn(s *step) {
	d := w.dice
	at := s.at + d.minutes(16, 1.3)
	if d.chance(0.5) {
		return // it rests until more has come in, or the mule keeps it
	}
	if d.chance(0.2) { // cash machine or card: nothing to see
		w.accounts[s.payee].balance -= int64(float64(w.accounts[s.payee].balance) * d.uniform(0.5, 0.95))
		return
	}
	branches := 1
	if d.chance(0.35) {
		branches = 2
	}
	for range branches {
		next := step{
			at: at, payer: s.payee, payee: w.recruit(at), share: float32(d.uniform(0.35, 0.97)),
			typology: muleAccountID, layer: s.layer + 1, initiation: byKey, salt: s.salt,
		}
		if d.chance(0.35) {
			next.traits |= strangerDevice // the gang works the account from its own device
		}
		if d.chance(0.15) {
			next.initiation = byManual
		}
		if d.chance(0.3) {
			next.onward = s.onward - 1
		}
		w.add(next)
		at += d.minutes(4, 1.0)
	}
}
