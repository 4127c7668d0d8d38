package feature

import (
	"math"
	"sort"
)

func payerFlows() []entry {
	return []entry{
		{Definition{Name: "payer_out_to_in_24h", Family: familyFlow, Entity: "payer", Window: "24h", Unit: UnitRatio,
			Missing: "the payer received nothing in 24 hours",
			Doc:     "Money the payer sent, this payment included, over money received in 24 hours.", Source: accountRows,
			ReasonPT: "com este pagamento, o pagador terá enviado em 24 horas {v o que recebeu nelas}",
			ReasonEN: "with this payment the payer will have sent, in 24 hours, {v what it received in them}"},
			fromPayer(func(f *frame) float64 {
				return ratio(float64(f.tx.Amount+f.payerOut.windows[w24h].Sum), float64(f.payerIn.windows[w24h].Sum))
			})},
		{Definition{Name: "payer_since_in_minutes", Family: familyFlow, Entity: "payer", Window: "30d", Unit: UnitMinutes,
			Missing: "the payer received nothing in 30 days",
			Doc:     "Time since money last reached the payer: its dwell time.", Source: accountRows,
			ReasonPT: "o pagador recebeu dinheiro pela última vez há {v}", ReasonEN: "the payer last received money {v} ago"},
			fromPayer(func(f *frame) float64 { return sinceLast(f, minute, &f.payerIn) })},
		{Definition{Name: "payer_burst_24h", Family: familyFlow, Entity: "payer", Window: "24h", Unit: UnitRatio,
			Missing: "the payer made no payment in 30 days",
			Doc:     "Payments of the payer in 24 hours over its daily mean of 30 days.", Source: accountRows,
			ReasonPT: "o número de pagamentos do pagador nas 24 horas anteriores é {v a sua média diária de 30 dias}|o pagador não fez nenhum pagamento nas 24 horas anteriores",
			ReasonEN: "the number of the payer's payments in the 24 hours before is {v the daily mean of its 30 days}|the payer made no payment in the 24 hours before"},
			fromPayer(func(f *frame) float64 { return burst(&f.payerOut) })},
		{Definition{Name: "payer_drained_24h", Family: familyFlow, Entity: "payer", Window: "24h", Unit: UnitShare,
			Missing: "the payer's balance is not known, or it had nothing",
			Doc:     "Money the payer sent in 24 hours, this payment included, over what it had: its balance and what it sent before.", Source: accountRows,
			ReasonPT: "com este pagamento, o pagador terá enviado em 24 horas {v} do que tinha", ReasonEN: "with this payment the payer will have sent, in 24 hours, {v} of what it had"},
			fromPayer(payerDrained)},
		{Definition{Name: "payer_fan_through_24h", Family: familyFlow, Entity: "payer", Window: "24h", Unit: UnitCount, Missing: storeSilent,
			Doc: "Fan-in then fan-out: the smaller of the numbers of payers that paid the payer and of payees it paid in 24 hours.", Source: accountRows,
			ReasonPT: "nas 24 horas anteriores o pagador recebeu de {~v conta/contas} ou mais e pagou a outras tantas|nas 24 horas anteriores o pagador não recebeu de ninguém ou não pagou a ninguém",
			ReasonEN: "in the 24 hours before, the payer received from {~v account/accounts} or more and paid as many or more|in the 24 hours before, the payer received from nobody or paid nobody"},
			fromPayer(func(f *frame) float64 { return fanThrough(&f.payerIn, &f.payerOut, w24h) })},
		{Definition{Name: "payer_out_share_1h", Family: familyFlow, Entity: "payer", Window: "1h", Unit: UnitShare,
			Missing: "the payer made no payment in 24 hours",
			Doc:     "Share of the payer's payments of 24 hours that it made in the last hour.", Source: accountRows,
			ReasonPT: "{v} dos pagamentos que o pagador fez nas 24 horas anteriores são da última hora|nenhum pagamento que o pagador fez nas 24 horas anteriores é da última hora",
			ReasonEN: "{v} of the payments that the payer made in the 24 hours before fell into the last hour|no payment that the payer made in the 24 hours before fell into the last hour"},
			fromPayer(func(f *frame) float64 { return lastHour(&f.payerOut) })},
		{Definition{Name: "payer_dormant_days", Family: familyFlow, Entity: "payer", Window: "30d", Unit: UnitDays,
			Missing: "no event of the payer in 30 days",
			Doc:     "Time since the payer last sent or received money.", Source: accountRows,
			ReasonPT: "a conta do pagador teve o último movimento há {v}", ReasonEN: "the payer's account last moved money {v} ago"},
			fromPayer(func(f *frame) float64 { return sinceLast(f, day, &f.payerOut, &f.payerIn) })},
	}
}

func payeeFlows() []entry {
	return append(payeeOutToIn(w1h, w24h, w30d), []entry{
		{Definition{Name: "payee_since_in_minutes", Family: familyFlow, Entity: "payee", Window: "30d", Unit: UnitMinutes,
			Missing: "the payee received nothing in 30 days",
			Doc:     "Time since money last reached the payee.", Source: accountRows,
			ReasonPT: "o recebedor recebeu outro pagamento há {v}", ReasonEN: "the payee received another payment {v} ago"},
			fromPayee(func(f *frame) float64 { return sinceLast(f, minute, &f.payeeIn) })},
		{Definition{Name: "payee_dwell_minutes", Family: familyFlow, Entity: "payee", Window: "30d", Unit: UnitMinutes,
			Missing: "the payee sent nothing in 30 days, nothing arrived before it did, or it is busy",
			Doc:     "How long money stayed before the payee's latest outflow.", Source: accountRows,
			ReasonPT: "na última vez que enviou dinheiro, o recebedor o fez {v} depois de receber", ReasonEN: "when the payee last sent money, it did so {v} after receiving some"},
			fromPayee(dwell)},
		{Definition{Name: "payee_drained_24h", Family: familyFlow, Entity: "payee", Window: "24h", Unit: UnitShare,
			Missing: "the payee's balance is not known, or it has neither balance nor outflow",
			Doc:     "Money the payee sent in 24 hours over that and its balance: 1 is an emptied account.", Source: accountRows,
			ReasonPT: "nas 24 horas anteriores o recebedor enviou {v} do que tinha|nas 24 horas anteriores o recebedor não enviou nada do que tinha",
			ReasonEN: "in the 24 hours before, the payee sent {v} of what it had|in the 24 hours before, the payee sent nothing of what it had"},
			fromPayee(drained)},
		{Definition{Name: "payee_fan_through_1h", Family: familyFlow, Entity: "payee", Window: "1h", Unit: UnitCount, Missing: storeSilent,
			Doc: "Fan-in then fan-out: the smaller of the numbers of payers that paid the payee and of payees it paid in 1 hour.", Source: accountRows,
			ReasonPT: "na hora anterior o recebedor recebeu de {~v conta/contas} ou mais e pagou a outras tantas|na hora anterior o recebedor não recebeu de ninguém ou não pagou a ninguém",
			ReasonEN: "in the hour before, the payee received from {~v account/accounts} or more and paid as many or more|in the hour before, the payee received from nobody or paid nobody"},
			fromPayee(func(f *frame) float64 { return fanThrough(&f.payeeIn, &f.payeeOut, w1h) })},
		{Definition{Name: "payee_fan_through_24h", Family: familyFlow, Entity: "payee", Window: "24h", Unit: UnitCount, Missing: storeSilent,
			Doc: "Fan-in then fan-out: the smaller of the numbers of payers that paid the payee and of payees it paid in 24 hours.", Source: accountRows,
			ReasonPT: "nas 24 horas anteriores o recebedor recebeu de {~v conta/contas} ou mais e pagou a outras tantas|nas 24 horas anteriores o recebedor não recebeu de ninguém ou não pagou a ninguém",
			ReasonEN: "in the 24 hours before, the payee received from {~v account/accounts} or more and paid as many or more|in the 24 hours before, the payee received from nobody or paid nobody"},
			fromPayee(func(f *frame) float64 { return fanThrough(&f.payeeIn, &f.payeeOut, w24h) })},
		{Definition{Name: "payee_in_share_1h", Family: familyFlow, Entity: "payee", Window: "1h", Unit: UnitShare,
			Missing: "the payee received nothing in 24 hours",
			Doc:     "Share of the payments that the payee received in 24 hours and that came in the last hour.", Source: accountRows,
			ReasonPT: "{v} dos pagamentos que o recebedor recebeu nas 24 horas anteriores são da última hora|nenhum pagamento que o recebedor recebeu nas 24 horas anteriores é da última hora",
			ReasonEN: "{v} of the payments that the payee received in the 24 hours before fell into the last hour|no payment that the payee received in the 24 hours before fell into the last hour"},
			fromPayee(func(f *frame) float64 { return lastHour(&f.payeeIn) })},
		{Definition{Name: "payee_in_mean_24h_to_30d", Family: familyFlow, Entity: "payee", Window: "24h", Unit: UnitRatio,
			Missing: "the payee received nothing in 24 hours",
			Doc:     "Mean amount that the payee received in 24 hours over that of 30 days.", Source: accountRows,
			ReasonPT: "a média dos pagamentos que o recebedor recebeu nas 24 horas anteriores é {v a sua média de 30 dias}",
			ReasonEN: "the mean of the payments that the payee received in the 24 hours before is {v the mean of its 30 days}"},
			fromPayee(func(f *frame) float64 {
				d, m := &f.payeeIn.windows[w24h], &f.payeeIn.windows[w30d]
				return ratio(float64(d.Sum)*float64(m.Count), float64(m.Sum)*float64(d.Count))
			})},
		{Definition{Name: "payee_burst_24h", Family: familyFlow, Entity: "payee", Window: "24h", Unit: UnitRatio,
			Missing: "the payee received nothing in 30 days",
			Doc:     "Payments received by the payee in 24 hours over its daily mean of 30 days.", Source: accountRows,
			ReasonPT: "o número de pagamentos que o recebedor recebeu nas 24 horas anteriores é {v a sua média diária de 30 dias}|o recebedor não recebeu nenhum pagamento nas 24 horas anteriores",
			ReasonEN: "the number of payments that the payee received in the 24 hours before is {v the daily mean of its 30 days}|the payee received no payment in the 24 hours before"},
			fromPayee(func(f *frame) float64 { return burst(&f.payeeIn) })},
		{Definition{Name: "payee_dormant_days", Family: familyFlow, Entity: "payee", Window: "30d", Unit: UnitDays,
			Missing: "no event of the payee in 30 days",
			Doc:     "Time since the payee last sent or received money.", Source: accountRows,
			ReasonPT: "a conta do recebedor teve o último movimento há {v}", ReasonEN: "the payee's account last moved money {v} ago"},
			fromPayee(func(f *frame) float64 { return sinceLast(f, day, &f.payeeOut, &f.payeeIn) })},
	}...)
}

// payeeOutToIn lists what went out over what came in.
func payeeOutToIn(windows ...window) []entry {
	all := make([]entry, 0, len(windows))
	for _, w := range windows {
		span, when := w.words().en, w.before()
		all = append(all, entry{
			Definition{Name: "payee_out_to_in_" + w.String(), Family: familyFlow, Entity: "payee", Window: w.String(), Unit: UnitRatio,
				Missing: "the payee received nothing in " + span,
				Doc:     "Money the payee sent over money received in " + span + ".", Source: accountRows,
				ReasonPT: when.pt + " o recebedor enviou {v o que recebeu}|" + when.pt + " o recebedor recebeu dinheiro e não enviou nada",
				ReasonEN: when.en + ", the payee sent {v what it received}|" + when.en + ", the payee received money and sent nothing"},
			fromPayee(func(f *frame) float64 {
				return ratio(float64(f.payeeOut.windows[w].Sum), float64(f.payeeIn.windows[w].Sum))
			}),
		})
	}
	return all
}

func burst(s *stream) float64 {
	return ratio(float64(s.windows[w24h].Count)*30, float64(s.windows[w30d].Count))
}

func drained(f *frame) float64 {
	balance, ok := f.tx.PayeeFacts.Balance.Get()
	if !ok {
		return math.NaN()
	}
	out := f.payeeOut.windows[w24h].Sum
	return ratio(float64(out), float64(out+max(balance, 0)))
}

// dwell is the time from the last inflow before the payee's latest outflow to that outflow. It needs single events.
func dwell(f *frame) float64 {
	out, in := f.payeeOut.last, f.payeeIn.events
	if out == 0 || f.payeeOut.busy || f.payeeIn.busy {
		return math.NaN()
	}
	i := sort.Search(len(in), func(i int) bool { return in[i].At > out })
	for ; i > 0; i-- {
		if !f.own(&in[i-1]) {
			return float64(out-in[i-1].At) / float64(minute)
		}
	}
	return math.NaN()
}

// payerDrained is the share of what the payer had before the payments of 24 hours that those and this one took.
func payerDrained(f *frame) float64 {
	balance, ok := f.tx.PayerFacts.Balance.Get()
	if !ok {
		return math.NaN()
	}
	out := f.payerOut.windows[w24h].Sum
	return ratio(float64(out+f.tx.Amount), float64(out+max(balance, 0)))
}

// fanThrough is how many counterparties there are at least on both sides of an account.
func fanThrough(in, out *stream, w window) float64 {
	return float64(min(in.windows[w].distinct, out.windows[w].distinct))
}

// lastHour is the share of a day's payments that fell into its last hour.
func lastHour(s *stream) float64 {
	return ratio(float64(s.windows[w1h].Count), float64(s.windows[w24h].Count))
}
