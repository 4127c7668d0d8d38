package feature

import (
	"math"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	familyAmount      = "amount"
	familyPair        = "pair"
	familyFlow        = "flow"
	familyStructuring = "structuring"
	inEvent           = "the payment itself"
)

func amounts() []entry {
	return []entry{
		{Definition{Name: "amount_brl", Family: familyAmount, Entity: "payment", Unit: UnitBRL,
			Doc: "Amount of the payment.", Source: inEvent,
			ReasonPT: "para o modelo, um valor como {v} já é um sinal", ReasonEN: "to the model an amount like {v} is a sign in itself"},
			func(f *frame) float64 { return f.tx.Amount.Reais() }},
		{Definition{Name: "amount_to_payee_mean_30d", Family: familyAmount, Entity: "payee", Window: "30d", Unit: UnitRatio,
			Missing: "the payee received nothing in 30 days",
			Doc:     "Amount over the mean of what the payee received in 30 days.", Source: accountRows,
			ReasonPT: "{amount} é {v a média dos pagamentos que o recebedor recebeu nos 30 dias anteriores}",
			ReasonEN: "{amount} is {v the mean of the payments that the payee received in the 30 days before}"},
			fromPayee(func(f *frame) float64 { return toMean(f, &f.payeeIn) })},
		{Definition{Name: "amount_to_pair_mean_30d", Family: familyAmount, Entity: "pair", Window: "30d", Unit: UnitRatio,
			Missing: "the payer did not pay this payee in 30 days",
			Doc:     "Amount over the mean of the payments from this payer to this payee in 30 days.", Source: pairRows,
			ReasonPT: "{amount} é {v a média do que o pagador pagou a este recebedor nos 30 dias anteriores}",
			ReasonEN: "{amount} is {v the mean of what the payer paid this payee in the 30 days before}"},
			fromPair(func(f *frame) float64 { return toMean(f, &f.pair) })},
		{Definition{Name: "amount_to_balance", Family: familyAmount, Entity: "payer", Unit: UnitRatio,
			Missing: "the payer's balance is not known or not positive",
			Doc:     "Share of the payer's balance that the payment takes.", Source: inEvent,
			ReasonPT: "{amount} é {v o saldo do pagador}", ReasonEN: "{amount} is {v the payer's balance}"},
			func(f *frame) float64 { return moneyRatio(f.tx.Amount, f.tx.PayerFacts.Balance) }},
		{Definition{Name: "amount_to_limit", Family: familyAmount, Entity: "payer", Unit: UnitRatio,
			Missing: "the payer's limit is not known",
			Doc:     "Amount over the payer's daily limit.", Source: inEvent,
			ReasonPT: "{amount} é {v o limite diário do pagador}", ReasonEN: "{amount} is {v the payer's daily limit}"},
			func(f *frame) float64 { return moneyRatio(f.tx.Amount, f.tx.PayerFacts.DailyLimit) }},
		{Definition{Name: "day_sum_to_limit_24h", Family: familyAmount, Entity: "payer", Window: "24h", Unit: UnitRatio,
			Missing: "the payer's limit is not known, or " + storeSilent,
			Doc:     "This payment and those of the 24 hours before it, over the payer's daily limit.", Source: accountRows,
			ReasonPT: "este pagamento e os do pagador nas 24 horas anteriores somam {v o limite diário}",
			ReasonEN: "this payment and the payer's of the 24 hours before add up to {v the daily limit}"},
			fromPayer(func(f *frame) float64 {
				return moneyRatio(f.tx.Amount+f.payerOut.windows[w24h].Sum, f.tx.PayerFacts.DailyLimit)
			})},
		{Definition{Name: "amount_round", Family: familyAmount, Entity: "payment", Unit: UnitFlag,
			Doc: "Amount is a whole multiple of R$ 100.", Source: inEvent,
			ReasonPT: "o valor é múltiplo de R$ 100,00|o valor não é múltiplo de R$ 100,00",
			ReasonEN: "the amount is a multiple of R$ 100.00|the amount is not a multiple of R$ 100.00"},
			func(f *frame) float64 { return truth(f.tx.Amount%100_00 == 0) }},
	}
}

func amountsToOwn() []entry {
	return []entry{
		{Definition{Name: "amount_to_median_30d", Family: familyAmount, Entity: "payer", Window: "30d", Unit: UnitRatio,
			Missing: "the payer made no payment in 30 days",
			Doc:     "Amount over the median, from a histogram within 0.8 %, of the payer's payments of 30 days.", Source: accountRows,
			ReasonPT: "{amount} é {v o valor mediano dos pagamentos do pagador nos 30 dias anteriores}",
			ReasonEN: "{amount} is {v the median of the payer's payments in the 30 days before}"},
			fromPayer(func(f *frame) float64 { return ratio(float64(f.tx.Amount), f.usual.median) })},
		{Definition{Name: "amount_robust_z_30d", Family: familyAmount, Entity: "payer", Window: "30d", Unit: UnitScore,
			Missing: "the payer made fewer than 3 payments in 30 days",
			Doc:     "Amount minus median, over 1.4826 median absolute deviations, at least R$ 1, of the payer's payments of 30 days; both from a histogram within 0.8 %.", Source: accountRows,
			ReasonPT: "{amount} está {v} que este pagador costuma pagar", ReasonEN: "{amount} is {v} what this payer usually pays"},
			fromPayer(robustZ)},
		{Definition{Name: "amount_rank_30d", Family: familyAmount, Entity: "payer", Window: "30d", Unit: UnitShare,
			Missing: "the payer made no payment in 30 days",
			Doc:     "Share of the payer's payments of 30 days that were smaller, those of about the same amount counted half.", Source: accountRows,
			ReasonPT: "{amount} está acima de {v} dos pagamentos do pagador nos 30 dias anteriores|{amount} é menor que todos os pagamentos do pagador nos 30 dias anteriores",
			ReasonEN: "{amount} is above {v} of the payer's payments in the 30 days before|{amount} is less than all of the payer's payments in the 30 days before"},
			fromPayer(func(f *frame) float64 { return f.usual.rank })},
		{Definition{Name: "amount_to_max_30d", Family: familyAmount, Entity: "payer", Window: "30d", Unit: UnitRatio,
			Missing: "the payer made no payment in 30 days",
			Doc:     "Amount over the largest payment of the payer in 30 days.", Source: accountRows,
			ReasonPT: "{amount} é {v o maior pagamento feito pelo pagador nos 30 dias anteriores}",
			ReasonEN: "{amount} is {v the largest payment by the payer in the 30 days before}"},
			fromPayer(func(f *frame) float64 {
				return ratio(float64(f.tx.Amount), float64(f.payerOut.windows[w30d].Max))
			})},
	}
}

// toMean is the amount over the mean of a stream's payments of 30 days.
func toMean(f *frame, s *stream) float64 {
	b := &s.windows[w30d]
	return ratio(float64(f.tx.Amount)*float64(b.Count), float64(b.Sum))
}

// robustZ is the distance to the median in deviations that outliers do not move; 1.4826 makes the median absolute
// deviation estimate the standard deviation of a normal distribution.
func robustZ(f *frame) float64 {
	if f.usual.count < 3 {
		return math.NaN()
	}
	return (float64(f.tx.Amount) - f.usual.median) / max(1.4826*f.usual.deviation, 100)
}

func pairs() []entry {
	return []entry{
		{Definition{Name: "pair_first_30d", Family: familyPair, Entity: "pair", Window: "30d", Unit: UnitFlag,
			Missing: storeSilent,
			Doc:     "The payer paid this payee for the first time in 30 days.", Source: pairRows,
			ReasonPT: "o pagador não pagou a este recebedor nos 30 dias anteriores|o pagador já pagou a este recebedor nos 30 dias anteriores",
			ReasonEN: "the payer did not pay this payee in the 30 days before|the payer paid this payee in the 30 days before already"},
			fromPair(func(f *frame) float64 { return truth(f.pair.windows[w30d].Count == 0) })},
		{Definition{Name: "pair_count_30d", Family: familyPair, Entity: "pair", Window: "30d", Unit: UnitCount,
			Missing: storeSilent,
			Doc:     "Number of payments from this payer to this payee in 30 days.", Source: pairRows,
			ReasonPT: "o pagador fez {v pagamento/pagamentos} a este recebedor nos 30 dias anteriores|o pagador não pagou a este recebedor nos 30 dias anteriores",
			ReasonEN: "the payer made {v payment/payments} to this payee in the 30 days before|the payer did not pay this payee in the 30 days before"},
			fromPair(func(f *frame) float64 { return float64(f.pair.windows[w30d].Count) })},
		{Definition{Name: "pair_sum_30d_brl", Family: familyPair, Entity: "pair", Window: "30d", Unit: UnitBRL,
			Missing: storeSilent,
			Doc:     "Sum of the payments from this payer to this payee in 30 days.", Source: pairRows,
			ReasonPT: "o pagador pagou {v} a este recebedor nos 30 dias anteriores|o pagador não pagou a este recebedor nos 30 dias anteriores",
			ReasonEN: "the payer paid this payee {v} in the 30 days before|the payer did not pay this payee in the 30 days before"},
			fromPair(func(f *frame) float64 { return f.pair.windows[w30d].Sum.Reais() })},
		{Definition{Name: "pair_since_last_days", Family: familyPair, Entity: "pair", Window: "30d", Unit: UnitDays,
			Missing: "the payer did not pay this payee in 30 days",
			Doc:     "Time since the payer last paid this payee.", Source: pairRows,
			ReasonPT: "o pagador pagou a este recebedor pela última vez há {v}", ReasonEN: "the payer last paid this payee {v} ago"},
			fromPair(func(f *frame) float64 {
				if f.pair.windows[w30d].Count == 0 {
					return math.NaN()
				}
				return sinceMilli(f, f.pair.last, day)
			})},
		{Definition{Name: "pair_reverse_count_30d", Family: familyPair, Entity: "pair", Window: "30d", Unit: UnitCount,
			Missing: storeSilent,
			Doc:     "Number of payments from this payee to this payer in 30 days.", Source: pairRows,
			ReasonPT: "o recebedor fez {v pagamento/pagamentos} ao pagador nos 30 dias anteriores|o recebedor não pagou ao pagador nos 30 dias anteriores",
			ReasonEN: "the payee made {v payment/payments} to the payer in the 30 days before|the payee did not pay the payer in the 30 days before"},
			fromPair(func(f *frame) float64 { return float64(f.reverse.windows[w30d].Count) })},
		{Definition{Name: "pair_trusted", Family: familyPair, Entity: "pair", Unit: UnitFlag,
			Missing: "the institution does not say",
			Doc:     "The customer registered the payee beforehand.", Source: inEvent,
			ReasonPT: "o pagador cadastrou o recebedor previamente|o pagador não cadastrou o recebedor previamente",
			ReasonEN: "the payer registered the payee beforehand|the payer did not register the payee beforehand"},
			func(f *frame) float64 { return optionalFlag(f.tx.PayerFacts.TrustedPayee) }},
		{Definition{Name: "pair_same_institution", Family: familyPair, Entity: "pair", Unit: UnitFlag,
			Missing: "an ISPB is missing",
			Doc:     "Payer and payee have accounts in the same institution.", Source: inEvent,
			ReasonPT: "pagador e recebedor têm conta na mesma instituição|pagador e recebedor têm conta em instituições diferentes",
			ReasonEN: "payer and payee have accounts in the same institution|payer and payee have accounts in different institutions"},
			func(f *frame) float64 {
				if f.tx.PayerFacts.ISPB == "" || f.tx.PayeeFacts.ISPB == "" {
					return math.NaN()
				}
				return truth(f.tx.PayerFacts.ISPB == f.tx.PayeeFacts.ISPB)
			}},
	}
}

func structuring() []entry {
	return []entry{
		{Definition{Name: "under_200_brl", Family: familyStructuring, Entity: "payment", Unit: UnitBRL,
			Missing: "the amount is above R$ 200",
			Doc:     "Distance from the amount up to R$ 200, the limit of an unregistered device.", Source: inEvent,
			ReasonPT: "{amount} fica {v} abaixo de R$ 200,00, o limite de um dispositivo não cadastrado|{amount} é exatamente o limite de um dispositivo não cadastrado",
			ReasonEN: "{amount} is {v} below R$ 200.00, the limit of an unregistered device|{amount} is exactly the limit of an unregistered device"},
			func(f *frame) float64 { return under(f, limitDevice) }},
		{Definition{Name: "under_1000_brl", Family: familyStructuring, Entity: "payment", Unit: UnitBRL,
			Missing: "the amount is above R$ 1,000",
			Doc:     "Distance from the amount up to R$ 1,000, the night limit of people.", Source: inEvent,
			ReasonPT: "{amount} fica {v} abaixo de R$ 1.000,00, o limite noturno de pessoas|{amount} é exatamente o limite noturno de pessoas",
			ReasonEN: "{amount} is {v} below R$ 1,000.00, the night limit of people|{amount} is exactly the night limit of people"},
			func(f *frame) float64 { return under(f, limitNight) }},
		{Definition{Name: "payer_near_limit_count_24h", Family: familyStructuring, Entity: "payer", Window: "24h", Unit: UnitCount,
			Missing: storeSilent,
			Doc:     "Number of payments of the payer in 24 hours that were at most 5 % below R$ 200 or R$ 1,000.", Source: accountRows,
			ReasonPT: "o pagador fez {v pagamento/pagamentos} logo abaixo de um limite (R$ 200,00 ou R$ 1.000,00) nas 24 horas anteriores|o pagador não fez nenhum pagamento logo abaixo de um limite (R$ 200,00 ou R$ 1.000,00) nas 24 horas anteriores",
			ReasonEN: "the payer made {v payment/payments} just below a limit (R$ 200.00 or R$ 1,000.00) in the 24 hours before|the payer made no payment just below a limit (R$ 200.00 or R$ 1,000.00) in the 24 hours before"},
			fromPayer(func(f *frame) float64 { return float64(f.payerOut.windows[w24h].NearLimit) })},
	}
}

func under(f *frame, limit pix.Money) float64 {
	gap := limit - f.tx.Amount
	if gap < 0 {
		return math.NaN()
	}
	return gap.Reais()
}
