package feature

import "strings"

// side is one direction of one account, for features that exist in several windows.
type side struct {
	prefix         string // of names
	entity         string
	stream         func(*frame) *stream
	guard          func(func(*frame) float64) func(*frame) float64
	doc            string // "payments that the payer made"
	pt, en         string // "o pagador fez", "the payer made"
	partyPT        string // singular/plural of the other side
	partyEN        string
	counterparties string // of names
}

const (
	accountRows    = "feature store, rows of the account"
	deviceRows     = "feature store, row of the device"
	storeSilent    = "the store did not answer"
	familyVelocity = "velocity"
)

// words names a window in Portuguese and English.
func (w window) words() (pt, en string) {
	return [windowCount]string{"1 minuto", "10 minutos", "1 hora", "24 horas", "7 dias", "30 dias"}[w],
		[windowCount]string{"1 minute", "10 minutes", "1 hour", "24 hours", "7 days", "30 days"}[w]
}

// measure is what is taken of one window.
type measure struct {
	name, unit, doc string
	pt, en          string // {side}, {party} and {window} are filled in
	of              func(*bucket) float64
}

func countOf() measure {
	return measure{"count", UnitCount, "Number of",
		"{side} {v pagamento/pagamentos} em {window}", "{side} {v payment/payments} in {window}",
		func(b *bucket) float64 { return float64(b.count) }}
}

func sumOf() measure {
	return measure{"sum", UnitBRL, "Sum of the amounts of",
		"{side} {v} em {window}", "{side} {v} in {window}",
		func(b *bucket) float64 { return b.sum.Reais() }}
}

func maxOf() measure {
	return measure{"max", UnitBRL, "Largest amount, 0 when there is none, of",
		"{side} no máximo {v} de uma vez em {window}", "{side} at most {v} at once in {window}",
		func(b *bucket) float64 { return b.max.Reais() }}
}

func partiesOf() measure {
	return measure{"", UnitCount, "Number of different counterparties in",
		"{side} pagamentos, {v {party}}, em {window}", "{side} payments, {v {party}}, in {window}",
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
		pt, en := w.words()
		suffix := ""
		if m.unit == UnitBRL {
			suffix = "_brl"
		}
		out = append(out, entry{
			Definition: Definition{
				Name: d.prefix + "_" + name + "_" + w.String() + suffix, Family: familyVelocity, Entity: d.entity,
				Window: w.String(), Unit: m.unit, Missing: storeSilent, Source: accountRows,
				Doc:      m.doc + " " + d.doc + " in the " + en + " before this one.",
				ReasonPT: strings.NewReplacer("{side}", d.pt, "{party}", d.partyPT, "{window}", pt).Replace(m.pt),
				ReasonEN: strings.NewReplacer("{side}", d.en, "{party}", d.partyEN, "{window}", en).Replace(m.en),
			},
			value: d.guard(func(f *frame) float64 { return m.of(&d.stream(f).windows[w]) }),
		})
	}
	return out
}

func join(lists ...[]entry) []entry {
	var all []entry
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func payerOutSide() side {
	return side{"payer_out", "payer", func(f *frame) *stream { return &f.payerOut }, fromPayer,
		"payments that the payer made", "pagador fez", "payer made",
		"recebedor diferente/recebedores diferentes", "payee/different payees", "payees"}
}

func payerInSide() side {
	return side{"payer_in", "payer", func(f *frame) *stream { return &f.payerIn }, fromPayer,
		"payments that the payer received", "pagador recebeu", "payer received",
		"pagador diferente/pagadores diferentes", "payer/different payers", "payers"}
}

func payeeOutSide() side {
	return side{"payee_out", "payee", func(f *frame) *stream { return &f.payeeOut }, fromPayee,
		"payments that the payee made", "recebedor fez", "payee made",
		"recebedor diferente/recebedores diferentes", "payee/different payees", "payees"}
}

func payeeInSide() side {
	return side{"payee_in", "payee", func(f *frame) *stream { return &f.payeeIn }, fromPayee,
		"payments that the payee received", "recebedor recebeu", "payee received",
		"pagador diferente/pagadores diferentes", "payer/different payers", "payers"}
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
