package feature

import (
	"maps"
	"strings"
)

// missingWords says why a feature has no value. While the store is silent no model is asked, so of the causes that a
// Definition names that one is never told.
func (d *Definition) missingWords() words {
	text, ok := absences()[d.Missing]
	if !ok {
		text = words{"falta um dado do pagamento", "a fact about the payment is missing"}
	}
	fill := func(mark string, with words) {
		text.pt, text.en = strings.ReplaceAll(text.pt, mark, with.pt), strings.ReplaceAll(text.en, mark, with.en)
	}
	fill("{subject}", d.subject())
	of, to := d.owner()
	fill("{of}", of)
	fill("{to}", to)
	return text
}

// subject names what a payment tells of, or does not.
func (d *Definition) subject() words {
	switch d.Family {
	case familyAge:
		return words{"a idade da conta ou da chave", "the age of the account or of the key"}
	case familyDevice:
		return words{"o dispositivo", "the device"}
	case familySession:
		return words{"a sessão, o limite ou as credenciais do pagador", "the payer's session, limit or credentials"}
	case familyMandate:
		return words{"a autorização do Pix Automático ou o seu iniciador", "the Pix Automático mandate or its initiator"}
	case familyDICT:
		return words{"a chave do recebedor no DICT", "the payee's key in DICT"}
	default:
		return words{"o pagamento", "the payment"}
	}
}

// owner names whose history a feature tells of, and whose payments.
func (d *Definition) owner() (of, to words) {
	switch d.Entity {
	case "payer":
		return words{"do pagador", "of the payer"}, words{"do pagador", "by the payer"}
	case "payee":
		return words{"do recebedor", "of the payee"}, words{"ao recebedor", "to the payee"}
	case "pair":
		pair := words{"do pagador a este recebedor", "from the payer to this payee"}
		return words{"entre pagador e recebedor", "between payer and payee"}, pair
	default:
		return words{"do dispositivo", "of the device"}, words{"do dispositivo", "from the device"}
	}
}

// absences puts every cause in words, by Definition.Missing.
func absences() map[string]words {
	all := unknowns()
	maps.Copy(all, nothings())
	return all
}

// unknowns are the causes by which something is not known.
func unknowns() map[string]words {
	history := words{"falta o histórico {of}", "the history {of} is missing"}
	fact := words{"falta um dado sobre {subject}", "a fact about {subject} is missing"}
	device := words{"o pagamento não informa o dispositivo", "the payment does not name the device"}
	return map[string]words{
		storeSilent:                    history,
		"no device, or " + storeSilent: device,
		"no device, " + storeSilent:    device,
		"there was none, or " + storeSilent: {
			"não houve pagamentos {to} no período", "there were no payments {to} in the period"},
		"there was none, or no device, or " + storeSilent: {
			"não se conhece pagamento {to} no período", "no payment {to} is known in the period"},
		"never before, or " + storeSilent: {
			"não se conhece pagamento anterior {to}", "no earlier payment {to} is known"},
		"no device, never before, or " + storeSilent: {
			"não se conhece pagamento anterior {to}", "no earlier payment {to} is known"},
		"no report stands, or " + storeSilent: {
			"não há relato de fraude em vigor contra o recebedor", "no report of fraud stands against the payee"},
		"no device, no report stands, or " + storeSilent: {
			"não há relato de fraude em vigor com o dispositivo", "no report of fraud stands with the device"},
		notGiven: fact, dictWithheld: fact, notAutomatic: fact, "no snapshot, or DICT has no data": fact,
		"no long statistics, or DICT has no data": fact,
		dictWithheld + ", or the key had no settlement": {
			"não se conhece liquidação da chave do recebedor em 30 dias", "no settlement of the payee's key in 30 days is known"},
		"the institution does not say": {
			"a instituição não informa se o pagador cadastrou o recebedor previamente",
			"the institution does not say whether the payer registered the payee beforehand"},
		"an ISPB is missing": {
			"não se sabe se pagador e recebedor têm conta na mesma instituição",
			"it is not known whether payer and payee have accounts in the same institution"},
		"the payee sent nothing in 30 days, nothing arrived before it did, or it is busy": {
			"não se sabe quanto tempo o dinheiro fica na conta do recebedor", "it is not known how long money stays in the payee's account"},
		"the payer's balance is not known or not positive": {
			"o saldo do pagador não é conhecido ou não é positivo", "the payer's balance is not known or not positive"},
		"the payer's balance is not known, or it had nothing": {
			"o saldo do pagador não é conhecido ou era zero", "the payer's balance is not known or was zero"},
		"the payee's balance is not known, or it has neither balance nor outflow": {
			"o saldo do recebedor não é conhecido ou é zero", "the payee's balance is not known or is zero"},
		"the payer's limit is not known":                    {"o limite diário do pagador não é conhecido", "the payer's daily limit is not known"},
		"the payer's limit is not known, or " + storeSilent: {"o limite diário do pagador não é conhecido", "the payer's daily limit is not known"},
		"no device, the payer is busy, or " + storeSilent: {
			"não se sabe se o pagador já usou o dispositivo", "it is not known whether the payer used the device before"},
		"the payer is busy, or " + storeSilent: {
			"não se sabe quantos dispositivos o pagador usou", "it is not known how many devices the payer used"},
	}
}

// nothings are the causes by which there is nothing to compare with.
func nothings() map[string]words {
	return map[string]words{
		"the payee received nothing in 1 hour":   {"o recebedor não recebeu nada na hora anterior", "the payee received nothing in the hour before"},
		"the payee received nothing in 24 hours": {"o recebedor não recebeu nada nas 24 horas anteriores", "the payee received nothing in the 24 hours before"},
		"the payee received nothing in 30 days":  {"o recebedor não recebeu nada nos 30 dias anteriores", "the payee received nothing in the 30 days before"},
		"the payer received nothing in 24 hours": {"o pagador não recebeu nada nas 24 horas anteriores", "the payer received nothing in the 24 hours before"},
		"the payer received nothing in 30 days":  {"o pagador não recebeu nada nos 30 dias anteriores", "the payer received nothing in the 30 days before"},
		"the payer made no payment in 24 hours": {
			"o pagador não fez nenhum pagamento nas 24 horas anteriores", "the payer made no payment in the 24 hours before"},
		"the payer made no payment in 30 days": {
			"o pagador não fez nenhum pagamento nos 30 dias anteriores", "the payer made no payment in the 30 days before"},
		"the payer made fewer than 3 payments in 30 days": {
			"o pagador fez menos de 3 pagamentos nos 30 dias anteriores", "the payer made fewer than 3 payments in the 30 days before"},
		"the payer did not pay this payee in 30 days": {
			"o pagador não pagou a este recebedor nos 30 dias anteriores", "the payer did not pay this payee in the 30 days before"},
		"no event of the payer in 30 days": {
			"a conta do pagador não teve movimento nos 30 dias anteriores", "the payer's account moved no money in the 30 days before"},
		"no event of the payee in 30 days": {
			"a conta do recebedor não teve movimento nos 30 dias anteriores", "the payee's account moved no money in the 30 days before"},
		"the amount is above R$ 200":   {"o valor é maior que R$ 200,00", "the amount is above R$ 200.00"},
		"the amount is above R$ 1,000": {"o valor é maior que R$ 1.000,00", "the amount is above R$ 1,000.00"},
	}
}
