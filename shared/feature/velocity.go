package feature

import "strings"

// side is one direction of one account, for features that exist in several windows.
type side struct {
	prefix         string // of names
	entity         string
	stream         func(*frame) *stream
	guard          func(func(*frame) float64) func(*frame) float64
	doc            string // "payments that the payer made"
	made, moved    words  // "the payer made" payments, "the payer paid" money
	none, nobody   words  // "the payer made no payment", "the payer paid nobody"
	largest        words  // "largest payment by the payer"
	with           words  // "the payer paid", then how many counterparties
	party          words  // one and many of them
	counterparties string // of names
	missing        string // why there may be no value
	source         string
}

const (
	accountRows    = "feature store, rows of the account"
	deviceRows     = "feature store, row of the device"
	pairRows       = "feature store, row of the pair"
	markRows       = "feature store, reports of fraud"
	storeSilent    = "the store did not answer"
	familyVelocity = "velocity"
)

// words are the same in Portuguese and English.
type words struct{ pt, en string }

// words names a window.
func (w window) words() words {
	return [windowCount]words{
		{"1 minuto", "1 minute"}, {"10 minutos", "10 minutes"}, {"1 hora", "1 hour"},
		{"24 horas", "24 hours"}, {"7 dias", "7 days"}, {"30 dias", "30 days"},
	}[w]
}

// before says in a reason that a window ends with the payment.
func (w window) before() words {
	return [windowCount]words{
		{"no minuto anterior", "in the minute before"}, {"nos 10 minutos anteriores", "in the 10 minutes before"},
		{"na hora anterior", "in the hour before"}, {"nas 24 horas anteriores", "in the 24 hours before"},
		{"nos 7 dias anteriores", "in the 7 days before"}, {"nos 30 dias anteriores", "in the 30 days before"},
	}[w]
}

// measure is what is taken of one window.
type measure struct {
	name, unit, doc string
	text            words // with the marks that phrase fills in
	of              func(*bucket) float64
}

func countOf() measure {
	return measure{"count", UnitCount, "Number of",
		words{"{made} {v pagamento/pagamentos} {window}|{none} {window}", "{made} {v payment/payments} {window}|{none} {window}"},
		func(b *bucket) float64 { return float64(b.Count) }}
}

func sumOf() measure {
	return measure{"sum", UnitBRL, "Sum of the amounts of",
		words{"{moved} {v} {window}|{none} {window}", "{moved} {v} {window}|{none} {window}"},
		func(b *bucket) float64 { return b.Sum.Reais() }}
}

func maxOf() measure {
	return measure{"max", UnitBRL, "Largest amount, 0 when there is none, of",
		words{"{largest} {window}: {v}|{none} {window}", "{largest} {window}: {v}|{none} {window}"},
		func(b *bucket) float64 { return b.Max.Reais() }}
}

func partiesOf() measure {
	return measure{"", UnitCount, "Number of different {parties} (an estimate with a standard error of 6.5 % on a busy account) in",
		words{"{with} {~v {party}} {window}|{nobody} {window}", "{with} {~v {party}} {window}|{nobody} {window}"},
		func(b *bucket) float64 { return float64(b.distinct) }}
}

// over lists one measure of one side in several windows.
func (d side) over(m measure, windows ...window) []entry {
	name := m.name
	if name == "" {
		name = d.counterparties
	}
	out := make([]entry, 0, len(windows))
	for _, w := range windows {
		span, text := w.words(), d.phrase(m.text, w)
		suffix := ""
		if m.unit == UnitBRL {
			suffix = "_brl"
		}
		out = append(out, entry{
			Definition: Definition{
				Name: d.prefix + "_" + name + "_" + w.String() + suffix, Family: familyVelocity, Entity: d.entity,
				Window: w.String(), Unit: m.unit, Missing: d.missing, Source: d.source,
				Doc:      strings.ReplaceAll(m.doc, "{parties}", d.counterparties) + " " + d.doc + " in the " + span.en + " before this one.",
				ReasonPT: text.pt, ReasonEN: text.en,
			},
			value: d.guard(func(f *frame) float64 { return m.of(&d.stream(f).windows[w]) }),
		})
	}
	return out
}

// phrase fills a measure's text in both languages.
func (d *side) phrase(text words, w window) words {
	for mark, with := range map[string]words{
		"{made}": d.made, "{moved}": d.moved, "{none}": d.none, "{nobody}": d.nobody, "{largest}": d.largest,
		"{with}": d.with, "{party}": d.party, "{window}": w.before(),
	} {
		text.pt, text.en = strings.ReplaceAll(text.pt, mark, with.pt), strings.ReplaceAll(text.en, mark, with.en)
	}
	return text
}

func join(lists ...[]entry) []entry {
	var all []entry
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// accounts names counterparties. Whoever pays somebody is a payer only in that payment.
func accounts() words { return words{"conta/contas", "account/different accounts"} }

func payerOutSide() side {
	return side{
		prefix: "payer_out", entity: "payer", stream: func(f *frame) *stream { return &f.payerOut }, guard: fromPayer,
		doc:  "payments that the payer made",
		made: words{"o pagador fez", "the payer made"}, moved: words{"o pagador pagou", "the payer paid"},
		none:    words{"o pagador não fez nenhum pagamento", "the payer made no payment"},
		nobody:  words{"o pagador não pagou a ninguém", "the payer paid nobody"},
		largest: words{"maior pagamento feito pelo pagador", "largest payment by the payer"},
		with:    words{"o pagador pagou a", "the payer paid"}, party: accounts(), counterparties: "payees",
		missing: storeSilent, source: accountRows,
	}
}

func payerInSide() side {
	return side{
		prefix: "payer_in", entity: "payer", stream: func(f *frame) *stream { return &f.payerIn }, guard: fromPayer,
		doc:  "payments that the payer received",
		made: words{"o pagador recebeu", "the payer received"}, moved: words{"o pagador recebeu", "the payer received"},
		none:    words{"o pagador não recebeu nenhum pagamento", "the payer received no payment"},
		nobody:  words{"o pagador não recebeu de ninguém", "the payer received from nobody"},
		largest: words{"maior pagamento recebido pelo pagador", "largest payment to the payer"},
		with:    words{"o pagador recebeu de", "the payer received from"}, party: accounts(), counterparties: "payers",
		missing: storeSilent, source: accountRows,
	}
}

func payeeOutSide() side {
	return side{
		prefix: "payee_out", entity: "payee", stream: func(f *frame) *stream { return &f.payeeOut }, guard: fromPayee,
		doc:  "payments that the payee made",
		made: words{"o recebedor fez", "the payee made"}, moved: words{"o recebedor pagou", "the payee paid"},
		none:    words{"o recebedor não fez nenhum pagamento", "the payee made no payment"},
		nobody:  words{"o recebedor não pagou a ninguém", "the payee paid nobody"},
		largest: words{"maior pagamento feito pelo recebedor", "largest payment by the payee"},
		with:    words{"o recebedor pagou a", "the payee paid"}, party: accounts(), counterparties: "payees",
		missing: storeSilent, source: accountRows,
	}
}

func payeeInSide() side {
	return side{
		prefix: "payee_in", entity: "payee", stream: func(f *frame) *stream { return &f.payeeIn }, guard: fromPayee,
		doc:  "payments that the payee received",
		made: words{"o recebedor recebeu", "the payee received"}, moved: words{"o recebedor recebeu", "the payee received"},
		none:    words{"o recebedor não recebeu nenhum pagamento", "the payee received no payment"},
		nobody:  words{"o recebedor não recebeu de ninguém", "the payee received from nobody"},
		largest: words{"maior pagamento recebido pelo recebedor", "largest payment to the payee"},
		with:    words{"o recebedor recebeu de", "the payee received from"}, party: accounts(), counterparties: "payers",
		missing: storeSilent, source: accountRows,
	}
}

func deviceSide() side {
	return side{
		prefix: "device_use", entity: "device", stream: func(f *frame) *stream { return &f.use }, guard: fromDevice,
		doc:  "payments made from the device",
		made: words{"o dispositivo fez", "the device made"}, moved: words{"o dispositivo pagou", "the device paid"},
		none:    words{"o dispositivo não fez nenhum pagamento", "the device made no payment"},
		nobody:  words{"nenhuma conta usou o dispositivo", "no account used the device"},
		largest: words{"maior pagamento feito pelo dispositivo", "largest payment from the device"},
		with:    words{"o dispositivo foi usado por", "the device was used by"}, party: accounts(), counterparties: "accounts",
		missing: "no device, or " + storeSilent, source: deviceRows,
	}
}

func payerVelocity() []entry {
	out, in := payerOutSide(), payerInSide()
	return join(
		out.over(countOf(), w1m, w10m, w1h, w24h, w7d, w30d),
		out.over(sumOf(), w10m, w1h, w24h, w7d, w30d),
		out.over(maxOf(), w24h, w30d),
		out.over(partiesOf(), w1h, w24h, w30d),
		in.over(countOf(), w1h, w24h, w30d),
		in.over(sumOf(), w1h, w24h, w30d),
	)
}

func payeeVelocity() []entry {
	out, in := payeeOutSide(), payeeInSide()
	return join(
		in.over(countOf(), w10m, w1h, w24h, w7d, w30d),
		in.over(sumOf(), w1h, w24h, w30d),
		in.over(maxOf(), w30d),
		in.over(partiesOf(), w1h, w24h, w7d, w30d),
		out.over(countOf(), w1h, w24h, w7d, w30d),
		out.over(sumOf(), w1h, w24h, w7d, w30d),
		out.over(partiesOf(), w24h, w7d, w30d),
	)
}

func deviceVelocity() []entry {
	use, of := deviceSide(), deviceSide()
	of.prefix = "device" // device_accounts_24h: the accounts are the device's, not of one use
	return join(
		use.over(countOf(), w10m, w1h, w24h),
		use.over(sumOf(), w1h, w24h, w30d),
		use.over(maxOf(), w24h, w30d),
		of.over(partiesOf(), w1h, w24h, w30d),
	)
}
