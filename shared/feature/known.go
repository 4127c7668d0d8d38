package feature

// firsts is what the payment sees of the first-ever facts, in milliseconds: the event time of the first, 0 when there was
// none before it.
type firsts struct{ payerOut, payeeIn, pair, reverse, device int64 }

func (f *frame) fillFirsts(h *Histories) {
	f.first = firsts{
		payerOut: f.firstOf(h.Payer.First.Out, &f.payerOut),
		payeeIn:  f.firstOf(h.Payee.First.In, &f.payeeIn),
		pair:     f.firstOf(h.Pair.First.Out, &f.pair),
		reverse:  f.firstOf(h.Reverse.First.Out, &f.reverse),
		device:   f.firstOf(h.Device.First.Use, &f.use),
	}
}

// firstOf is the time of a stream's first event when that, or any of 30 days, came before the payment. Of several first
// events of one millisecond a store may keep either: the events of 30 days decide whether there was one, the fact only
// since when.
func (f *frame) firstOf(first First, s *stream) int64 {
	e := Event{At: first.At, ID: first.ID}
	known := !first.IsZero() && !f.own(&e) && f.moment.sees(&e)
	if !known && s.windows[w30d].Count == 0 {
		return 0
	}
	switch {
	case !first.IsZero() && first.At <= f.moment.at:
		return first.At
	case len(s.events) > 0: // from before there were first-ever facts
		return s.events[0].At
	default:
		return f.moment.at - w30d.span()
	}
}

// markFacts are the reports of fraud that stand against an entity in one role.
type markFacts struct {
	recent, ever int              // reported payments, by arrival of the report: 30 days and MarkRetention
	last         int64            // newest arrival
	paid         [windowCount]int // reported payments, by their own event time: what the windows of events hold of them
}

type marks struct{ victim, payer, payee, device markFacts }

func (f *frame) fillMarks(h *Histories) {
	f.marks = marks{
		victim: f.marksOf(h.Payer.Marks, RoleVictim),
		payer:  f.marksOf(h.Payer.Marks, RoleBeneficiary),
		payee:  f.marksOf(h.Payee.Marks, RoleBeneficiary),
		device: f.marksOf(h.Device.Marks, RoleDevice),
	}
}

// marksOf counts the payments whose latest report says fraud. Marks come newest first. A report on the payment itself is
// its own future and left out.
func (f *frame) marksOf(list []Mark, role MarkRole) markFacts {
	var facts markFacts
	list = f.arrived(list)
	for i := range list {
		m := &list[i]
		age := f.moment.at - m.At
		if m.Role != role || !m.Fraud || m.ID == f.tx.ID || age >= MarkRetention.Milliseconds() || superseded(list[:i], m) {
			continue
		}
		facts.ever++
		facts.last = max(facts.last, m.At)
		if age < w30d.span() {
			facts.recent++
		}
		f.countPaid(&facts, m)
	}
	return facts
}

// countPaid counts a reported payment in the windows that hold its event.
func (f *frame) countPaid(facts *markFacts, m *Mark) {
	e := Event{At: m.Paid, ID: m.ID}
	if !f.moment.sees(&e) {
		return
	}
	for w := windowCount - 1; w >= 0 && f.moment.at-m.Paid < w.span(); w-- {
		facts.paid[w]++
	}
}

// arrived leaves out marks whose arrival cannot be true. A payment may be judged long after its event time, and what had
// arrived by then counts, as new; but nothing can have arrived longer after a payment than its histories are kept. Such
// a mark would stand for ever and, being the newest, no later report could lift it or outweigh it.
func (f *frame) arrived(list []Mark) []Mark {
	for len(list) > 0 && list[0].At-f.moment.at > Retention.Milliseconds() {
		list = list[1:]
	}
	return list
}

// superseded reports whether a later report on the same payment and role is among the newer ones.
func superseded(newer []Mark, m *Mark) bool {
	for i := range newer {
		if newer[i].ID == m.ID && newer[i].Role == m.Role {
			return true
		}
	}
	return false
}
