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
		{Definition{"amount_brl", familyAmount, "payment", "", UnitBRL, "", "Amount of the payment.", inEvent,
			"para o modelo, um valor como {v} já é um sinal", "to the model an amount like {v} is a sign in itself"},
			func(f *frame) float64 { return f.tx.Amount.Reais() }},
		{Definition{"amount_to_payee_mean_30d", familyAmount, "payee", "30d", UnitRatio, "the payee received nothing in 30 days",
			"Amount over the mean of what the payee received in 30 days.", accountRows,
			"{amount} é {v a média dos pagamentos que o recebedor recebeu nos 30 dias anteriores}",
			"{amount} is {v the mean of the payments that the payee received in the 30 days before}"},
			fromPayee(func(f *frame) float64 { return toMean(f, &f.payeeIn) })},
		{Definition{"amount_to_pair_mean_30d", familyAmount, "pair", "30d", UnitRatio, "the payer did not pay this payee in 30 days",
			"Amount over the mean of the payments from this payer to this payee in 30 days.", pairRows,
			"{amount} é {v a média do que o pagador pagou a este recebedor nos 30 dias anteriores}",
			"{amount} is {v the mean of what the payer paid this payee in the 30 days before}"},
			fromPair(func(f *frame) float64 { return toMean(f, &f.pair) })},
		{Definition{"amount_to_balance", familyAmount, "payer", "", UnitRatio, "the payer's balance is not known or not positive",
			"Share of the payer's balance that the payment takes.", inEvent,
			"{amount} é {v o saldo do pagador}", "{amount} is {v the payer's balance}"},
			func(f *frame) float64 { return moneyRatio(f.tx.Amount, f.tx.PayerFacts.Balance) }},
		{Definition{"amount_to_limit", familyAmount, "payer", "", UnitRatio, "the payer's limit is not known",
			"Amount over the payer's daily limit.", inEvent,
			"{amount} é {v o limite diário do pagador}", "{amount} is {v the payer's daily limit}"},
			func(f *frame) float64 { return moneyRatio(f.tx.Amount, f.tx.PayerFacts.DailyLimit) }},
		{Definition{"day_sum_to_limit_24h", familyAmount, "payer", "24h", UnitRatio, "the payer's limit is not known, or " + storeSilent,
			"This payment and those of the 24 hours before it, over the payer's daily limit.", accountRows,
			"este pagamento e os do pagador nas 24 horas anteriores somam {v o limite diário}",
			"this payment and the payer's of the 24 hours before add up to {v the daily limit}"},
			fromPayer(func(f *frame) float64 {
				return moneyRatio(f.tx.Amount+f.payerOut.windows[w24h].Sum, f.tx.PayerFacts.DailyLimit)
			})},
		{Definition{"amount_round", familyAmount, "payment", "", UnitFlag, "", "Amount is a whole multiple of R$ 100.", inEvent,
			"o valor é múltiplo de R$ 100,00|o valor não é múltiplo de R$ 100,00",
			"the amount is a multiple of R$ 100.00|the amount is not a multiple of R$ 100.00"},
			func(f *frame) float64 { return truth(f.tx.Amount%100_00 == 0) }},
	}
}

func amountsToOwn() []entry {
	return []entry{
		{Definition{"amount_to_median_30d", familyAmount, "payer", "30d", UnitRatio, "the payer made no payment in 30 days",
			"Amount over the median, from a histogram within 0.8 %, of the payer's payments of 30 days.", accountRows,
			"{amount} é {v o valor mediano dos pagamentos do pagador nos 30 dias anteriores}",
			"{amount} is {v the median of the payer's payments in the 30 days before}"},
			fromPayer(func(f *frame) float64 { return ratio(float64(f.tx.Amount), f.usual.median) })},
		{Definition{"amount_robust_z_30d", familyAmount, "payer", "30d", UnitScore, "the payer made fewer than 3 payments in 30 days",
			"Amount minus median, over 1.4826 median absolute deviations, at least R$ 1, of the payer's payments of 30 days; both from a histogram within 0.8 %.", accountRows,
			"{amount} está {v} que este pagador costuma pagar", "{amount} is {v} what this payer usually pays"},
			fromPayer(robustZ)},
		{Definition{"amount_rank_30d", familyAmount, "payer", "30d", UnitShare, "the payer made no payment in 30 days",
			"Share of the payer's payments of 30 days that were smaller, those of about the same amount counted half.", accountRows,
			"{amount} está acima de {v} dos pagamentos do pagador nos 30 dias anteriores|{amount} é menor que todos os pagamentos do pagador nos 30 dias anteriores",
			"{amount} is above {v} of the payer's payments in the 30 days before|{amount} is less than all of the payer's payments in the 30 days before"},
			fromPayer(func(f *frame) float64 { return f.usual.rank })},
		{Definition{"amount_to_max_30d", familyAmount, "payer", "30d", UnitRatio, "the payer made no payment in 30 days",
			"Amount over the largest payment of the payer in 30 days.", accountRows,
			"{amount} é {v o maior pagamento feito pelo pagador nos 30 dias anteriores}",
			"{amount} is {v the largest payment by the payer in the 30 days before}"},
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
		{Definition{"pair_first_30d", familyPair, "pair", "30d", UnitFlag, storeSilent,
			"The payer paid this payee for the first time in 30 days.", pairRows,
			"o pagador não pagou a este recebedor nos 30 dias anteriores|o pagador já pagou a este recebedor nos 30 dias anteriores",
			"the payer did not pay this payee in the 30 days before|the payer paid this payee in the 30 days before already"},
			fromPair(func(f *frame) float64 { return truth(f.pair.windows[w30d].Count == 0) })},
		{Definition{"pair_count_30d", familyPair, "pair", "30d", UnitCount, storeSilent,
			"Number of payments from this payer to this payee in 30 days.", pairRows,
			"o pagador fez {v pagamento/pagamentos} a este recebedor nos 30 dias anteriores|o pagador não pagou a este recebedor nos 30 dias anteriores",
			"the payer made {v payment/payments} to this payee in the 30 days before|the payer did not pay this payee in the 30 days before"},
			fromPair(func(f *frame) float64 { return float64(f.pair.windows[w30d].Count) })},
		{Definition{"pair_sum_30d_brl", familyPair, "pair", "30d", UnitBRL, storeSilent,
			"Sum of the payments from this payer to this payee in 30 days.", pairRows,
			"o pagador pagou {v} a este recebedor nos 30 dias anteriores|o pagador não pagou a este recebedor nos 30 dias anteriores",
			"the payer paid this payee {v} in the 30 days before|the payer did not pay this payee in the 30 days before"},
			fromPair(func(f *frame) float64 { return f.pair.windows[w30d].Sum.Reais() })},
		{Definition{"pair_since_last_days", familyPair, "pair", "30d", UnitDays, "the payer did not pay this payee in 30 days",
			"Time since the payer last paid this payee.", pairRows,
			"o pagador pagou a este recebedor pela última vez há {v}", "the payer last paid this payee {v} ago"},
			fromPair(func(f *frame) float64 {
				if f.pair.windows[w30d].Count == 0 {
					return math.NaN()
				}
				return sinceMilli(f, f.pair.last, day)
			})},
		{Definition{"pair_reverse_count_30d", familyPair, "pair", "30d", UnitCount, storeSilent,
			"Number of payments from this payee to this payer in 30 days.", pairRows,
			"o recebedor fez {v pagamento/pagamentos} ao pagador nos 30 dias anteriores|o recebedor não pagou ao pagador nos 30 dias anteriores",
			"the payee made {v payment/payments} to the payer in the 30 days before|the payee did not pay the payer in the 30 days before"},
			fromPair(func(f *frame) float64 { return float64(f.reverse.windows[w30d].Count) })},
		{Definition{"pair_trusted", familyPair, "pair", "", UnitFlag, "the institution does not say",
			"The customer registered the payee beforehand.", inEvent,
			"o pagador cadastrou o recebedor previamente|o pagador não cadastrou o recebedor previamente",
			"the payer registered the payee beforehand|the payer did not register the payee beforehand"},
			func(f *frame) float64 { return optionalFlag(f.tx.PayerFacts.TrustedPayee) }},
		{Definition{"pair_same_institution", familyPair, "pair", "", UnitFlag, "an ISPB is missing",
			"Payer and payee have accounts in the same institution.", inEvent,
			"pagador e recebedor têm conta na mesma instituição|pagador e recebedor têm conta em instituições diferentes",
			"payer and payee have accounts in the same institution|payer and payee have accounts in different institutions"},
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
		{Definition{"under_200_brl", familyStructuring, "payment", "", UnitBRL, "the amount is above R$ 200",
			"Distance from the amount up to R$ 200, the limit of an unregistered device.", inEvent,
			"{amount} fica {v} abaixo de R$ 200,00, o limite de um dispositivo não cadastrado|{amount} é exatamente o limite de um dispositivo não cadastrado",
			"{amount} is {v} below R$ 200.00, the limit of an unregistered device|{amount} is exactly the limit of an unregistered device"},
			func(f *frame) float64 { return under(f, limitDevice) }},
		{Definition{"under_1000_brl", familyStructuring, "payment", "", UnitBRL, "the amount is above R$ 1,000",
			"Distance from the amount up to R$ 1,000, the night limit of people.", inEvent,
			"{amount} fica {v} abaixo de R$ 1.000,00, o limite noturno de pessoas|{amount} é exatamente o limite noturno de pessoas",
			"{amount} is {v} below R$ 1,000.00, the night limit of people|{amount} is exactly the night limit of people"},
			func(f *frame) float64 { return under(f, limitNight) }},
		{Definition{"payer_near_limit_count_24h", familyStructuring, "payer", "24h", UnitCount, storeSilent,
			"Number of payments of the payer in 24 hours that were at most 5 % below R$ 200 or R$ 1,000.", accountRows,
			"o pagador fez {v pagamento/pagamentos} logo abaixo de um limite (R$ 200,00 ou R$ 1.000,00) nas 24 horas anteriores|o pagador não fez nenhum pagamento logo abaixo de um limite (R$ 200,00 ou R$ 1.000,00) nas 24 horas anteriores",
			"the payer made {v payment/payments} just below a limit (R$ 200.00 or R$ 1,000.00) in the 24 hours before|the payer made no payment just below a limit (R$ 200.00 or R$ 1,000.00) in the 24 hours before"},
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
