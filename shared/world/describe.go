package world

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// facts are what execute knows of a payment beyond its step.
type facts struct {
	amount int64
	before [2]int64 // balances of payer and payee
	dict   pix.DICTSnapshot
	now    int32
}

// Background rates of circumstances in honest life, and of what an app fails to tell [assumed].
const (
	backgroundCall   = 0.035   // of honest payments: a call in progress
	backgroundRemote = 0.0025  // of honest payments: a remote-access tool is running
	backgroundFailed = 0.06    // of sessions: a failed log-in before
	backgroundPasted = 0.22    // of payments by key: the key was pasted
	backgroundFar    = 0.07    // of payments: far from the usual place
	backgroundLong   = 0.06    // of sessions: long without a reason
	silentDevice     = 0.04    // of sessions: no word on the device
	silentSession    = 0.05    // of sessions: no word on the session
	silentDICT       = 0.04    // of look-ups: failed or withheld
	registeredAfter  = 36 * 60 // minutes until a new phone is registered, on average
)

// How long ago things happened, and other numbers of what an institution sees [assumed].
const (
	limitRaisedFrom  = 5            // minutes since a limit was raised for a campaign, at least
	limitRaisedTo    = 40 * 60      // and at most
	trustsFriends    = 3            // one payer in so many has registered its two regular payees
	mandateAge       = 500          // days before the start since an old mandate was signed, at most
	newMandateFrom   = 30           // minutes since a new one was, at least
	newMandateTo     = 4 * 24 * 60  // minutes more, at most
	firstCharge      = 30 * 24 * 60 // minutes from a mandate on: its charges count as the first
	stolenSince      = 90           // minutes since a gang's device was first seen, at most
	patientGang      = 4            // one gang's device in so many waits for longer:
	patientSince     = 3000         // minutes, at most
	stolenRegistered = 3            // of every stolenAmong devices of gangs: registered
	stolenAmong      = 5            // the same
	shortestSession  = 4            // seconds
	resetFrom        = 3            // minutes since a campaign's password reset, at least
	resetTo          = 600          // and at most
	farthest         = 15_000_000   // metres from the usual place
	sharedDevice     = 40           // one person in so many uses the device of somebody at home
)

// describe fills the payment as our institution knows it.
func (w *World) describe(out *pix.Submission, s *step, f facts) {
	payer, payee := &w.accounts[s.payer], &w.accounts[s.payee]
	at := time.UnixMilli(s.at).UTC()
	scheduled := s.traits&scheduledFor15h != 0 && at.Hour() >= 4 // else 15:00 would be too far away
	out.EventTime = at
	out.Direction = direction(payer, payee)
	out.Amount = pix.Money(f.amount)
	out.Initiation = w.t.initiations[s.initiation]
	out.Purpose, out.Priority, out.ServiceLevel = pix.Payment, pix.High, pix.PriorityPayment
	if s.traits&withdrawal != 0 {
		out.Purpose = pix.Withdrawal
	}
	if scheduled {
		out.Priority, out.ServiceLevel = pix.Normal, pix.ScheduledPayment
	}
	w.identify(out, s, scheduled)
	w.parties(out, s, f)
	if usesKey(s.initiation) && !w.dice.chance(silentDICT) {
		out.DICT = f.dict
	}
	if payer.institution != 0 {
		return
	}
	if s.initiation == byAutomatic {
		w.mandate(out, s, f.now)
		return
	}
	if !scheduled {
		w.device(out, s, f.now)
		w.session(out, s, f.now)
	}
}

func direction(payer, payee *account) pix.Direction {
	switch {
	case payer.institution != 0:
		return pix.Inbound
	case payee.institution != 0:
		return pix.Outbound
	default:
		return pix.Internal
	}
}

// usesKey says whether an initiation form resolves a key at DICT; account data typed by hand does not.
func usesKey(initiation uint8) bool { return initiation != byManual && initiation != byAutomatic }

// parties fills both sides: the full picture of our own customers, the message's bare facts of others'.
func (w *World) parties(out *pix.Submission, s *step, f facts) {
	payer, payee := &w.accounts[s.payer], &w.accounts[s.payee]
	out.PayerFacts = w.party(payer, f.before[0])
	out.PayeeFacts = w.party(payee, f.before[1])
	out.PayeeFacts.DailyLimit, out.PayeeFacts.LimitChangedAt = pix.Optional[pix.Money]{}, pix.Optional[time.Time]{}
	if usesKey(s.initiation) {
		out.PayeeFacts.KeyKind = w.t.keyKinds[payee.keyKind]
	}
	if payer.institution != 0 {
		return
	}
	if s.traits&limitRaised != 0 {
		payer.limitAt = max(payer.limitAt, f.now-int32(w.dice.between(limitRaisedFrom, limitRaisedTo)))
		out.PayerFacts.LimitChangedAt = pix.Some(w.time(payer.limitAt))
	}
	trusted := (payer.friends[0] == s.payee || payer.friends[1] == s.payee) && mix(uint64(s.payer))%trustsFriends == 0
	out.PayerFacts.TrustedPayee = pix.Some(trusted)
}

func (w *World) party(a *account, balance int64) pix.PartyFacts {
	p := pix.PartyFacts{
		ISPB: w.t.ispbs[a.institution], AccountType: w.t.accountTypes[a.accountType], Person: pix.LegalPerson,
	}
	if a.kind == person {
		p.Person = pix.NaturalPerson
	}
	if a.institution != 0 {
		return p
	}
	p.AccountOpenedAt = pix.Some(w.time(a.opened))
	p.Balance = pix.Some(pix.Money(balance))
	p.DailyLimit = pix.Some(pix.Money(a.limit))
	if a.limitAt > -never {
		p.LimitChangedAt = pix.Some(w.time(a.limitAt))
	}
	p.KeyChangedAt = pix.Some(w.time(a.keySince))
	p.State = w.t.states[a.state]
	if a.kind == person {
		p.AgeBand = w.t.ageBands[a.age]
	}
	return p
}

func (w *World) mandate(out *pix.Submission, s *step, now int32) {
	h := mix(uint64(s.payer)<<32 | uint64(s.payee))
	payee := &w.accounts[s.payee]
	created := -int32(h % (mandateAge * 24 * 60))
	if s.traits&newMandate != 0 {
		created = now - newMandateFrom - int32(h%newMandateTo)
	}
	created = max(created, payee.opened, w.accounts[s.payer].opened)
	out.Mandate = pix.MandateFacts{
		CreatedAt:        pix.Some(w.time(created)),
		FirstCharge:      pix.Some(now-created < firstCharge),
		InitiatorOpened:  pix.Some(w.time(payee.opened)),
		InitiatorPayment: pix.Some(int64(payee.stats.live[longWindows+1])),
	}
}

// registers lets time pass over an unregistered device: registration takes a day or two.
func (w *World) registers(a *account, now int32) {
	if a.unregistered {
		a.unregistered = float64(now-a.deviceSince) < registeredAfter*w.dice.r.ExpFloat64()
	}
}

// stolenDevice is what the institution sees of the gang's device: since when, and whether the gang had it registered,
// which most do and some wait a day for.
func stolenDevice(s *step, now int32) (since int32, registered bool) {
	h := mix(uint64(s.salt)<<32 | uint64(uint32(s.payer)))
	since = now - int32(h%stolenSince)
	if h>>40%patientGang == 0 {
		since = now - int32(h>>48%patientSince)
	}
	return since, h>>32%stolenAmong < stolenRegistered
}

func (w *World) device(out *pix.Submission, s *step, now int32) {
	d, a := w.dice, &w.accounts[s.payer]
	if out.DeviceID == "" {
		return
	}
	since, registered := a.deviceSince, !a.unregistered
	if s.traits&strangerDevice != 0 {
		since, registered = stolenDevice(s, now)
	}
	out.Device = pix.DeviceFacts{
		FirstSeenAt:  pix.Some(w.time(max(since, a.opened))),
		Registered:   pix.Some(registered),
		RemoteAccess: pix.Some(s.traits&remoteAccess != 0 || d.chance(backgroundRemote)),
		CallActive:   pix.Some(s.traits&callActive != 0 || d.chance(backgroundCall)),
		Emulator:     pix.Some(d.chance(w.t.emulator) || s.traits&strangerDevice != 0 && d.chance(w.t.gangEmulator)),
	}
}

func (w *World) session(out *pix.Submission, s *step, now int32) {
	d, a := w.dice, &w.accounts[s.payer]
	if d.chance(silentSession) {
		return
	}
	seconds := d.curve(w.t.session)
	if s.traits&longSession != 0 || d.chance(backgroundLong) {
		seconds = d.curve(w.t.longSession)
	}
	out.Session.Duration = pix.Some(time.Duration(max(seconds, shortestSession)*1000) * time.Millisecond)
	failed := int64(0)
	if s.traits&failedLogins != 0 || d.chance(backgroundFailed) {
		failed = 1 + int64(d.r.ExpFloat64()*w.t.loginFailures)
	}
	out.Session.FailedLogins = pix.Some(failed)
	reset := a.resetAt
	if s.traits&passwordReset != 0 {
		a.resetAt = max(a.resetAt, now-int32(d.between(resetFrom, resetTo)))
		reset = a.resetAt
	}
	if reset > -never {
		out.Session.PasswordReset = pix.Some(w.time(max(reset, a.opened)))
	}
	if usesKey(s.initiation) {
		out.Session.PastedKey = pix.Some(s.traits&pastedKey != 0 || d.chance(backgroundPasted))
	}
	metres := d.curve(w.t.distance)
	if s.traits&farAway != 0 || d.chance(backgroundFar) {
		metres = d.curve(w.t.farDistance)
	}
	out.Session.DistanceMetres = pix.Some(int64(min(metres, farthest)))
}

// identify fills every identifier. All of them are cut from one string, so a payment costs one allocation for text.
func (w *World) identify(out *pix.Submission, s *step, scheduled bool) {
	w.emitted++
	payer, payee := s.payer, s.payee
	var ends [11]int
	b := w.text[:0]
	b = w.appendEndToEndID(b, s, scheduled)
	ends[0] = len(b)
	b = w.appendTxID(b, s)
	ends[1] = len(b)
	for side, i := range [2]int32{payer, payee} {
		at := 2 + 4*side
		b = w.appendDocument(b, i)
		ends[at] = len(b)
		b = w.appendBranch(b, i)
		ends[at+1] = len(b)
		b = w.appendAccount(b, i)
		ends[at+2] = len(b)
		b = w.appendName(b, i)
		ends[at+3] = len(b)
	}
	if usesKey(s.initiation) {
		b = w.appendKey(b, payee)
	}
	ends[10] = len(b)
	if w.accounts[payer].institution == 0 && s.initiation != byAutomatic && !scheduled && !w.dice.chance(silentDevice) {
		b = w.appendDevice(b, w.deviceOwner(payer), w.thief(s))
	}
	w.text = b
	text := string(b)
	cut := func(n int) pix.Secret { return pix.Secret(text[ends[n-1]:ends[n]]) }
	out.ID = pix.EndToEndID(text[:ends[0]])
	out.TxID = cut(1)
	out.Payer = pix.RawParty{Document: cut(2), Branch: cut(3), Account: cut(4), Name: cut(5)}
	out.Payee = pix.RawParty{Document: cut(6), Branch: cut(7), Account: cut(8), Name: cut(9), Key: cut(10)}
	out.DeviceID = pix.Secret(text[ends[10]:])
}

func (w *World) thief(s *step) uint64 {
	if s.traits&strangerDevice == 0 {
		return 0
	}
	return uint64(s.salt)<<24 | 1<<63
}

// deviceOwner lets some people use the device of somebody at home.
func (w *World) deviceOwner(i int32) int32 {
	if w.accounts[i].kind == person && mix(uint64(i)+3)%sharedDevice == 0 {
		return i &^ 1
	}
	return i
}

// appendEndToEndID appends an id whose last part is a bijection of the running number: unique, and telling nothing.
func (w *World) appendEndToEndID(b []byte, s *step, scheduled bool) []byte {
	b = append(append(b, 'E'), w.t.ispbs[w.accounts[s.payer].institution]...)
	b = append(b, w.stamp[:]...)
	if scheduled {
		copy(b[len(b)-len("1504"):], "1500")
	}
	return appendBase62(b, mix(w.emitted^mix(w.params.Seed)), 11)
}

// appendTxID appends a charge's id: always on dynamic codes, often on static ones, none elsewhere.
func (w *World) appendTxID(b []byte, s *step) []byte {
	switch {
	case s.initiation == byDynamicQR || s.initiation == byContactless || s.initiation == byAutomatic:
		b = appendBase62(appendBase62(b, w.dice.r.Uint64(), 11), w.dice.r.Uint64(), 11)
		return appendBase62(b, w.dice.r.Uint64(), 10)
	case s.initiation == byStaticQR && w.accounts[s.payee].kind != person:
		return appendBase62(b, w.dice.r.Uint64(), 11)
	default:
		return b
	}
}
