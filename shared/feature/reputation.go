package feature

import "math"

const (
	familyFirst = "first"
	familyMark  = "mark"
)

// firstEver lists what outlives the 30 days: whether an entity was ever seen before, and since when.
func firstEver() []entry {
	ever := func(name, entity, doc string, text [2]string, at func(*frame) int64) entry {
		return entry{Definition{Name: name, Family: familyFirst, Entity: entity, Unit: UnitFlag,
			Missing: storeSilent, Doc: doc, Source: accountRows, ReasonPT: text[0], ReasonEN: text[1]},
			func(f *frame) float64 { return truth(at(f) == 0) }}
	}
	age := func(name, entity, doc string, text [2]string, at func(*frame) int64) entry {
		return entry{Definition{Name: name, Family: familyFirst, Entity: entity, Unit: UnitDays,
			Missing: "never before, or " + storeSilent, Doc: doc, Source: accountRows, ReasonPT: text[0], ReasonEN: text[1]},
			func(f *frame) float64 {
				if at(f) == 0 {
					return math.NaN()
				}
				return sinceMilli(f, at(f), day)
			}}
	}
	payer := func(f *frame) int64 { return f.first.payerOut }
	payee := func(f *frame) int64 { return f.first.payeeIn }
	pair := func(f *frame) int64 { return f.first.pair }
	device := func(f *frame) int64 { return f.first.device }
	list := []entry{
		age("payer_seen_days", "payer", "Time since the payer's first payment that we saw.",
			[2]string{"o primeiro pagamento conhecido do pagador foi há {v}", "the payer's first known payment was {v} ago"}, payer),
		age("payee_seen_days", "payee", "Time since the first payment to the payee that we saw.",
			[2]string{"o primeiro pagamento conhecido ao recebedor foi há {v}", "the first known payment to the payee was {v} ago"}, payee),
		ever("pair_first_ever", "pair", "The payer never paid this payee before.",
			[2]string{"é o primeiro pagamento do pagador a este recebedor|o pagador já pagou a este recebedor antes", "it is the payer's first payment to this payee|the payer has paid this payee before"}, pair),
		age("pair_age_days", "pair", "Time since the payer first paid this payee.",
			[2]string{"o pagador pagou a este recebedor pela primeira vez há {v}", "the payer first paid this payee {v} ago"}, pair),
		ever("pair_reverse_never", "pair", "The payee never paid this payer.",
			[2]string{"o recebedor nunca pagou a este pagador|o recebedor já pagou a este pagador antes", "the payee never paid this payer|the payee has paid this payer before"},
			func(f *frame) int64 { return f.first.reverse }),
		ever("device_first_ever", "device", "The first payment from the device that we ever saw.",
			[2]string{"é o primeiro pagamento deste dispositivo|o dispositivo já fez pagamentos antes", "it is the first payment from this device|the device has made payments before"}, device),
		age("device_seen_days", "device", "Time since the first payment from the device that we saw.",
			[2]string{"o primeiro pagamento conhecido do dispositivo foi há {v}", "the first known payment from the device was {v} ago"}, device),
	}
	for i := range list {
		list[i] = list[i].onRow()
	}
	return list
}

// onRow guards an entry by the presence of its entity, and names the row that it comes from.
func (e entry) onRow() entry {
	switch e.Entity {
	case "payer":
		e.value = fromPayer(e.value)
	case "payee":
		e.value = fromPayee(e.value)
	case "pair":
		e.value, e.Source = fromPair(e.value), pairRows
	default:
		e.value, e.Source = fromDevice(e.value), deviceRows
		e.Missing = "no device, " + e.Missing
	}
	return e
}

// marked describes the reports of fraud that stand against one entity.
type marked struct {
	name, entity string
	doc          string // "against the payee"
	text         words
	days         bool // whether the time since the last report is a feature
	of           func(*frame) *markFacts
}

// fraudMarks lists them by the moment at which the report reached us, never by the time of the fraud.
func fraudMarks() []entry {
	var all []entry
	for _, m := range []marked{
		{"payee_fraud", "payee", "in which the payee received the money", words{"contra o recebedor", "against the payee"}, true,
			func(f *frame) *markFacts { return &f.marks.payee }},
		{"payer_fraud", "payer", "in which the payer received the money", words{"contra o pagador", "against the payer"}, false,
			func(f *frame) *markFacts { return &f.marks.payer }},
		{"payer_victim", "payer", "of which the payer was the victim", words{"em que o pagador foi a vítima", "in which the payer was the victim"}, false,
			func(f *frame) *markFacts { return &f.marks.victim }},
		{"device_fraud", "device", "made from the device", words{"com este dispositivo", "with this device"}, true,
			func(f *frame) *markFacts { return &f.marks.device }},
	} {
		all = append(all, m.entries()...)
	}
	return all
}

func (m *marked) entries() []entry {
	define := func(name, window, unit, missing, doc, pt, en string) Definition {
		return Definition{Name: m.name + name, Family: familyMark, Entity: m.entity, Window: window, Unit: unit,
			Missing: missing, Doc: doc, Source: markRows, ReasonPT: pt, ReasonEN: en}
	}
	list := []entry{
		{define("_marks_30d", "30d", UnitCount, storeSilent,
			"Number of payments "+m.doc+" that were reported as fraud, by reports that arrived in 30 days.",
			"{v relato/relatos} de fraude "+m.text.pt+" nos 30 dias anteriores|nenhum relato de fraude "+m.text.pt+" nos 30 dias anteriores",
			"{v report/reports} of fraud "+m.text.en+" in the 30 days before|no report of fraud "+m.text.en+" in the 30 days before"),
			func(f *frame) float64 { return float64(m.of(f).recent) }},
		{define("_marks_ever", "", UnitCount, storeSilent,
			"Number of payments "+m.doc+" that were reported as fraud, by reports that arrived in 400 days, at most 256.",
			"{v relato/relatos} de fraude "+m.text.pt+" nos 400 dias anteriores|nenhum relato de fraude "+m.text.pt+" nos 400 dias anteriores",
			"{v report/reports} of fraud "+m.text.en+" in the 400 days before|no report of fraud "+m.text.en+" in the 400 days before"),
			func(f *frame) float64 { return float64(m.of(f).ever) }},
	}
	if m.days {
		list = append(list, entry{define("_mark_days", "", UnitDays, "no report stands, or "+storeSilent,
			"Time since the latest report of fraud in a payment "+m.doc+" arrived.",
			"o último relato de fraude "+m.text.pt+" chegou há {v}", "the last report of fraud "+m.text.en+" came {v} ago"), m.sinceLast})
	}
	for i := range list {
		source := list[i].Source
		list[i] = list[i].onRow()
		list[i].Source = source
	}
	return list
}

// fraudShares lists the share, of the payments of a window, that stands reported: a count of reports grows with an
// account's traffic, so that a busy honest merchant looks worse than a small mule. A payment counts above and below the
// line by its own event time, hence at most once in each, and of a busy stream both numbers are exact.
func fraudShares() []entry {
	payee, device := payeeInSide(), deviceSide()
	return join(
		payee.reportedShare("payee_fraud", func(f *frame) *markFacts { return &f.marks.payee }, w7d, w30d),
		device.reportedShare("device_fraud", func(f *frame) *markFacts { return &f.marks.device }, w7d, w30d),
	)
}

func (d *side) reportedShare(name string, marks func(*frame) *markFacts, windows ...window) []entry {
	out := make([]entry, 0, len(windows))
	for _, w := range windows {
		text := d.phrase(words{
			"{v} dos pagamentos que {made} {window} já foram relatados como fraude|nenhum pagamento que {made} {window} foi relatado como fraude",
			"{v} of the payments that {made} {window} have been reported as fraud|no payment that {made} {window} has been reported as fraud",
		}, w)
		out = append(out, entry{
			Definition{
				Name: name + "_share_" + w.String(), Family: familyMark, Entity: d.entity, Window: w.String(), Unit: UnitShare,
				Missing: "there was none, or " + d.missing, Source: markRows,
				Doc: "Share of " + d.doc + " in the " + w.words().en +
					" before this one that stand reported as fraud, by reports on these very payments that had arrived, at most 256.",
				ReasonPT: text.pt, ReasonEN: text.en,
			},
			d.guard(func(f *frame) float64 { return ratio(float64(marks(f).paid[w]), float64(d.stream(f).windows[w].Count)) }),
		})
	}
	return out
}

// sinceLast is the days since the newest report arrived.
func (m *marked) sinceLast(f *frame) float64 {
	if m.of(f).ever == 0 {
		return math.NaN()
	}
	return sinceMilli(f, m.of(f).last, day)
}
