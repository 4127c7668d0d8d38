package feature

import "strings"

// side is one direction of one account, for features that exist in several windows.
type side struct {
	prefix         string // of names
	entity         string
	stream         func(*frame) *stream
	guard          func(func(*frame) float64) func(*frame) float64
	doc            string // "payments that the payer made"
	made, moved    words  // "payer made" payments, "payer paid" money
	with           words  // "payer paid to", then how many counterparties
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

// measure is what is taken of one window.
type measure struct {
	name, unit, doc string
	text            words // {made}, {moved}, {with}, {party} and {window} are filled in
	of              func(*bucket) float64
}

func countOf() measure {
	return measure{"count", UnitCount, "Number of",
		words{"{made} {v pagamento/pagamentos} em {window}", "{made} {v payment/payments} in {window}"},
		func(b *bucket) float64 { return float64(b.Count) }}
}

func sumOf() measure {
	return measure{"sum", UnitBRL, "Sum of the amounts of",
		words{"{moved} {v} em {window}", "{moved} {v} in {window}"},
		func(b *bucket) float64 { return b.Sum.Reais() }}
}

func maxOf() measure {
	return measure{"max", UnitBRL, "Largest amount, 0 when there is none, of",
		words{"{moved} no máximo {v} de uma vez em {window}", "{moved} at most {v} at once in {window}"},
		func(b *bucket) float64 { return b.Max.Reais() }}
}

func partiesOf() measure {
	return measure{"", UnitCount, "Number of different {parties} (an estimate with a standard error of 6.5 % on a busy account) in",
		words{"{with} {v {party}} em {window}", "{with} {v {party}} in {window}"},
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
		span := w.words()
		suffix := ""
		if m.unit == UnitBRL {
			suffix = "_brl"
		}
		out = append(out, entry{
			Definition: Definition{
				Name: d.prefix + "_" + name + "_" + w.String() + suffix, Family: familyVelocity, Entity: d.entity,
				Window: w.String(), Unit: m.unit, Missing: d.missing, Source: d.source,
				Doc:      strings.ReplaceAll(m.doc, "{parties}", d.counterparties) + " " + d.doc + " in the " + span.en + " before this one.",
				ReasonPT: d.phrase(m.text.pt, func(w words) string { return w.pt }, span),
				ReasonEN: d.phrase(m.text.en, func(w words) string { return w.en }, span),
			},
			value: d.guard(func(f *frame) float64 { return m.of(&d.stream(f).windows[w]) }),
		})
	}
	return out
}

// phrase fills a measure's text in one language.
func (d *side) phrase(text string, in func(words) string, span words) string {
	for mark, w := range map[string]words{
		"{made}": d.made, "{moved}": d.moved, "{with}": d.with, "{party}": d.party, "{window}": span,
	} {
		text = strings.ReplaceAll(text, mark, in(w))
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

func payees() words {
	return words{"recebedor diferente/recebedores diferentes", "payee/different payees"}
}

func payers() words {
	return words{"pagador diferente/pagadores diferentes", "payer/different payers"}
}

func payerOutSide() side {
	return side{"payer_out", "payer", func(f *frame) *stream { return &f.payerOut }, fromPayer,
		"payments that the payer made", words{"pagador fez", "payer made"}, words{"pagador pagou", "payer paid"},
		words{"pagador pagou a", "payer paid to"}, payees(), "payees", storeSilent, accountRows}
}

func payerInSide() side {
	return side{"payer_in", "payer", func(f *frame) *stream { return &f.payerIn }, fromPayer,
		"payments that the payer received", words{"pagador recebeu", "payer received"}, words{"pagador recebeu", "payer received"},
		words{"pagador recebeu de", "payer received from"}, payers(), "payers", storeSilent, accountRows}
}

func payeeOutSide() side {
	return side{"payee_out", "payee", func(f *frame) *stream { return &f.payeeOut }, fromPayee,
		"payments that the payee made", words{"recebedor fez", "payee made"}, words{"recebedor pagou", "payee paid"},
		words{"recebedor pagou a", "payee paid to"}, payees(), "payees", storeSilent, accountRows}
}

func payeeInSide() side {
	return side{"payee_in", "payee", func(f *frame) *stream { return &f.payeeIn }, fromPayee,
		"payments that the payee received", words{"recebedor recebeu", "payee received"}, words{"recebedor recebeu", "payee received"},
		words{"recebedor recebeu de", "payee received from"}, payers(), "payers", storeSilent, accountRows}
}

func deviceSide() side {
	return side{"device_use", "device", func(f *frame) *stream { return &f.use }, fromDevice,
		"payments made from the device", words{"aparelho fez", "device made"}, words{"aparelho pagou", "device paid"},
		words{"aparelho usado por", "device used by"}, words{"conta diferente/contas diferentes", "account/different accounts"},
		"accounts", "no device, or " + storeSilent, deviceRows}
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
		out.over(countOf(), w1h, w24h),
		out.over(sumOf(), w1h, w24h),
		out.over(partiesOf(), w24h),
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
