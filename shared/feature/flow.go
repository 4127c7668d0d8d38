package feature

import (
	"math"
	"sort"
)

func payerFlows() []entry {
	return []entry{
		{Definition{"payer_out_to_in_24h", familyFlow, "payer", "24h", UnitRatio, "the payer received nothing in 24 hours",
			"Money the payer sent, this payment included, over money received in 24 hours.", accountRows,
			"pagador envia {v} o que recebeu em 24 horas", "payer sends {v} what it received in 24 hours"},
			fromPayer(func(f *frame) float64 {
				return ratio(float64(f.tx.Amount+f.payerOut.windows[w24h].Sum), float64(f.payerIn.windows[w24h].Sum))
			})},
		{Definition{"payer_since_in_minutes", familyFlow, "payer", "30d", UnitMinutes, "the payer received nothing in 30 days",
			"Time since money last reached the payer: its dwell time.", accountRows,
			"dinheiro entrou na conta do pagador há {v}", "money reached the payer's account {v} ago"},
			fromPayer(func(f *frame) float64 { return sinceLast(f, minute, &f.payerIn) })},
		{Definition{"payer_burst_24h", familyFlow, "payer", "24h", UnitRatio, "the payer made no payment in 30 days",
			"Payments of the payer in 24 hours over its daily mean of 30 days.", accountRows,
			"pagador tem {v} a atividade habitual", "payer is {v} as active as usual"},
			fromPayer(func(f *frame) float64 { return burst(&f.payerOut) })},
		{Definition{"payer_drained_24h", familyFlow, "payer", "24h", UnitShare, "the payer's balance is not known, or it had nothing",
			"Money the payer sent in 24 hours, this payment included, over what it had: its balance and what it sent before.", accountRows,
			"pagador enviou {v} do que tinha em 24 horas", "payer sent {v} of what it had in 24 hours"},
			fromPayer(payerDrained)},
		{Definition{"payer_fan_through_24h", familyFlow, "payer", "24h", UnitCount, storeSilent,
			"Fan-in then fan-out: the smaller of the numbers of payers that paid the payer and of payees it paid in 24 hours.", accountRows,
			"pagador recebeu de e pagou a pelo menos {v conta/contas} em 24 horas", "payer received from and paid to at least {v account/accounts} in 24 hours"},
			fromPayer(func(f *frame) float64 { return fanThrough(&f.payerIn, &f.payerOut, w24h) })},
		{Definition{"payer_out_share_1h", familyFlow, "payer", "1h", UnitShare, "the payer made no payment in 24 hours",
			"Share of the payer's payments of 24 hours that it made in the last hour.", accountRows,
			"{v} dos pagamentos de 24 horas na última hora", "{v} of the payments of 24 hours in the last hour"},
			fromPayer(func(f *frame) float64 { return lastHour(&f.payerOut) })},
		{Definition{"payer_dormant_days", familyFlow, "payer", "30d", UnitDays, "no event of the payer in 30 days",
			"Time since the payer last sent or received money.", accountRows,
			"conta do pagador parada há {v}", "payer's account idle for {v}"},
			fromPayer(func(f *frame) float64 { return sinceLast(f, day, &f.payerOut, &f.payerIn) })},
	}
}

func payeeFlows() []entry {
	return []entry{
		{Definition{"payee_out_to_in_1h", familyFlow, "payee", "1h", UnitRatio, "the payee received nothing in 1 hour",
			"Money the payee sent over money received in 1 hour.", accountRows,
			"recebedor repassou {v} o que recebeu em 1 hora", "payee sent on {v} what it received in 1 hour"},
			fromPayee(func(f *frame) float64 { return outToIn(f, w1h) })},
		{Definition{"payee_out_to_in_24h", familyFlow, "payee", "24h", UnitRatio, "the payee received nothing in 24 hours",
			"Money the payee sent over money received in 24 hours.", accountRows,
			"recebedor repassou {v} o que recebeu em 24 horas", "payee sent on {v} what it received in 24 hours"},
			fromPayee(func(f *frame) float64 { return outToIn(f, w24h) })},
		{Definition{"payee_since_in_minutes", familyFlow, "payee", "30d", UnitMinutes, "the payee received nothing in 30 days",
			"Time since money last reached the payee.", accountRows,
			"recebedor recebeu outro pagamento há {v}", "payee received another payment {v} ago"},
			fromPayee(func(f *frame) float64 { return sinceLast(f, minute, &f.payeeIn) })},
		{Definition{"payee_dwell_minutes", familyFlow, "payee", "30d", UnitMinutes, "the payee sent nothing in 30 days, nothing arrived before it did, or it is busy",
			"How long money stayed before the payee's latest outflow.", accountRows,
			"recebedor repassou dinheiro {v} depois de receber", "payee sent money on {v} after receiving it"},
			fromPayee(dwell)},
		{Definition{"payee_drained_24h", familyFlow, "payee", "24h", UnitShare, "the payee's balance is not known, or it has neither balance nor outflow",
			"Money the payee sent in 24 hours over that and its balance: 1 is an emptied account.", accountRows,
			"recebedor enviou {v} do que tinha em 24 horas", "payee sent {v} of what it had in 24 hours"},
			fromPayee(drained)},
		{Definition{"payee_fan_through_1h", familyFlow, "payee", "1h", UnitCount, storeSilent,
			"Fan-in then fan-out: the smaller of the numbers of payers that paid the payee and of payees it paid in 1 hour.", accountRows,
			"recebedor recebeu de e pagou a pelo menos {v conta/contas} em 1 hora", "payee received from and paid to at least {v account/accounts} in 1 hour"},
			fromPayee(func(f *frame) float64 { return fanThrough(&f.payeeIn, &f.payeeOut, w1h) })},
		{Definition{"payee_fan_through_24h", familyFlow, "payee", "24h", UnitCount, storeSilent,
			"Fan-in then fan-out: the smaller of the numbers of payers that paid the payee and of payees it paid in 24 hours.", accountRows,
			"recebedor recebeu de e pagou a pelo menos {v conta/contas} em 24 horas", "payee received from and paid to at least {v account/accounts} in 24 hours"},
			fromPayee(func(f *frame) float64 { return fanThrough(&f.payeeIn, &f.payeeOut, w24h) })},
		{Definition{"payee_in_share_1h", familyFlow, "payee", "1h", UnitShare, "the payee received nothing in 24 hours",
			"Share of the payments that the payee received in 24 hours and that came in the last hour.", accountRows,
			"{v} dos recebimentos de 24 horas na última hora", "{v} of what came in 24 hours came in the last hour"},
			fromPayee(func(f *frame) float64 { return lastHour(&f.payeeIn) })},
		{Definition{"payee_in_mean_24h_to_30d", familyFlow, "payee", "24h", UnitRatio, "the payee received nothing in 24 hours",
			"Mean amount that the payee received in 24 hours over that of 30 days.", accountRows,
			"recebimentos de 24 horas têm {v} o valor habitual", "payments received in 24 hours are {v} the usual amount"},
			fromPayee(func(f *frame) float64 {
				d, m := &f.payeeIn.windows[w24h], &f.payeeIn.windows[w30d]
				return ratio(float64(d.Sum)*float64(m.Count), float64(m.Sum)*float64(d.Count))
			})},
		{Definition{"payee_burst_24h", familyFlow, "payee", "24h", UnitRatio, "the payee received nothing in 30 days",
			"Payments received by the payee in 24 hours over its daily mean of 30 days.", accountRows,
			"recebedor recebe {v} o movimento habitual", "payee receives {v} its usual traffic"},
			fromPayee(func(f *frame) float64 { return burst(&f.payeeIn) })},
		{Definition{"payee_dormant_days", familyFlow, "payee", "30d", UnitDays, "no event of the payee in 30 days",
			"Time since the payee last sent or received money.", accountRows,
			"conta do recebedor parada há {v}", "payee's account idle for {v}"},
			fromPayee(func(f *frame) float64 { return sinceLast(f, day, &f.payeeOut, &f.payeeIn) })},
	}
}

func outToIn(f *frame, w window) float64 {
	return ratio(float64(f.payeeOut.windows[w].Sum), float64(f.payeeIn.windows[w].Sum))
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
