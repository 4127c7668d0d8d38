package feature

import (
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	familyDICT   = "dict"
	dictWithheld = "the look-up failed or was withheld"
)

// dictCount describes one count of the DICT snapshot.
func dictCount(name string, words [3]string, of func(*pix.DICTSnapshot) pix.Optional[int64]) entry {
	return entry{Definition{Name: name, Family: familyDICT, Entity: "payee", Unit: UnitCount,
		Missing: dictWithheld, Doc: words[0], Source: dictSnapshot, ReasonPT: words[1], ReasonEN: words[2]},
		func(f *frame) float64 { return optionalCount(of(&f.tx.DICT)) }}
}

func dictCounters() []entry {
	return []entry{
		dictCount("dict_settlements_3d", [3]string{"Settlements of the key in 3 days, rounded up by DICT.",
			"a chave do recebedor liquidou no máximo {v pagamento/pagamentos} em 3 dias|a chave do recebedor não liquidou nenhum pagamento em 3 dias",
			"the payee's key settled at most {v payment/payments} in 3 days|the payee's key settled no payment in 3 days"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.Settlements.D3 }),
		dictCount("dict_settlements_30d", [3]string{"Settlements of the key in 30 days, rounded up by DICT.",
			"a chave do recebedor liquidou no máximo {v pagamento/pagamentos} em 30 dias|a chave do recebedor não liquidou nenhum pagamento em 30 dias",
			"the payee's key settled at most {v payment/payments} in 30 days|the payee's key settled no payment in 30 days"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.Settlements.D30 }),
		dictCount("dict_settlements_6m", [3]string{"Settlements of the key in 6 months, rounded up by DICT.",
			"a chave do recebedor liquidou no máximo {v pagamento/pagamentos} em 6 meses|a chave do recebedor não liquidou nenhum pagamento em 6 meses",
			"the payee's key settled at most {v payment/payments} in 6 months|the payee's key settled no payment in 6 months"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.Settlements.M6 }),
		dictCount("dict_frauds_reported_3d", [3]string{"Frauds reported against the key in 3 days.",
			"{v fraude relatada/fraudes relatadas} contra a chave do recebedor em 3 dias|nenhuma fraude relatada contra a chave do recebedor em 3 dias",
			"{v fraud/frauds} reported against the payee's key in 3 days|no fraud reported against the payee's key in 3 days"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.FraudsReported.D3 }),
		dictCount("dict_frauds_reported_30d", [3]string{"Frauds reported against the key in 30 days.",
			"{v fraude relatada/fraudes relatadas} contra a chave do recebedor em 30 dias|nenhuma fraude relatada contra a chave do recebedor em 30 dias",
			"{v fraud/frauds} reported against the payee's key in 30 days|no fraud reported against the payee's key in 30 days"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.FraudsReported.D30 }),
		dictCount("dict_frauds_reported_6m", [3]string{"Frauds reported against the key in 6 months.",
			"{v fraude relatada/fraudes relatadas} contra a chave do recebedor em 6 meses|nenhuma fraude relatada contra a chave do recebedor em 6 meses",
			"{v fraud/frauds} reported against the payee's key in 6 months|no fraud reported against the payee's key in 6 months"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.FraudsReported.M6 }),
		dictCount("dict_frauds_confirmed_30d", [3]string{"Frauds confirmed against the key in 30 days.",
			"{v fraude confirmada/fraudes confirmadas} contra a chave do recebedor em 30 dias|nenhuma fraude confirmada contra a chave do recebedor em 30 dias",
			"{v fraud/frauds} confirmed against the payee's key in 30 days|no fraud confirmed against the payee's key in 30 days"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.FraudsConfirmed.D30 }),
		dictCount("dict_frauds_confirmed_6m", [3]string{"Frauds confirmed against the key in 6 months.",
			"{v fraude confirmada/fraudes confirmadas} contra a chave do recebedor em 6 meses|nenhuma fraude confirmada contra a chave do recebedor em 6 meses",
			"{v fraud/frauds} confirmed against the payee's key in 6 months|no fraud confirmed against the payee's key in 6 months"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.FraudsConfirmed.M6 }),
	}
}

func dictMarkers() []entry {
	return []entry{
		dictCount("dict_mule_markers", [3]string{"Fraud markers of kind mule account.",
			"o DICT tem {v marcação/marcações} de conta laranja contra o recebedor|o DICT não tem marcação de conta laranja contra o recebedor",
			"DICT holds {v marker/markers} of a mule account against the payee|DICT holds no marker of a mule account against the payee"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.MuleMarkers }),
		dictCount("dict_scammer_markers", [3]string{"Fraud markers of kind scammer account.",
			"o DICT tem {v marcação/marcações} de conta de golpista contra o recebedor|o DICT não tem marcação de conta de golpista contra o recebedor",
			"DICT holds {v marker/markers} of a scammer account against the payee|DICT holds no marker of a scammer account against the payee"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.ScammerMarkers }),
		dictCount("dict_reporters", [3]string{"Institutions that reported frauds of the key's owner.",
			"{v instituição relatou/instituições relataram} fraudes do dono da chave|nenhuma instituição relatou fraudes do dono da chave",
			"{v institution/institutions} reported frauds of the key's owner|no institution reported frauds of the key's owner"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.DistinctReporters }),
		dictCount("dict_open_infractions", [3]string{"Open infraction reports.",
			"há {v notificação de infração aberta/notificações de infração abertas} contra o recebedor|não há notificação de infração aberta contra o recebedor",
			"{v infraction report is/infraction reports are} open against the payee|no infraction report is open against the payee"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.OpenInfractions }),
		dictCount("dict_registered_accounts", [3]string{"Accounts registered in DICT by the key's owner.",
			"o dono da chave tem {v conta registrada/contas registradas} no DICT|o dono da chave não tem conta registrada no DICT",
			"the key's owner has {v account/accounts} registered in DICT|the key's owner has no account registered in DICT"},
			func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.RegisteredAccts }),
		{Definition{Name: "dict_watermark_age_hours", Family: familyDICT, Entity: "payee", Unit: UnitHours,
			Missing: "no snapshot, or DICT has no data",
			Doc:     "Age of the statistics: DICT may be up to 12 hours late.", Source: dictSnapshot,
			ReasonPT: "as estatísticas do DICT têm {v}", ReasonEN: "the DICT statistics are {v} old"},
			func(f *frame) float64 { return since(f, f.tx.DICT.Watermark, hour) }},
		{Definition{Name: "dict_frauds_to_settlements_30d", Family: familyDICT, Entity: "payee", Unit: UnitRatio,
			Missing: dictWithheld + ", or the key had no settlement",
			Doc:     "Frauds reported against the key in 30 days over its settlements, which DICT rounds up.", Source: dictSnapshot,
			ReasonPT: "as fraudes relatadas contra a chave em 30 dias são {v o número de suas liquidações}|nenhuma fraude relatada contra a chave em 30 dias",
			ReasonEN: "the frauds reported against the key in 30 days are {v the number of its settlements}|no fraud reported against the key in 30 days"},
			func(f *frame) float64 {
				return ratio(optionalCount(f.tx.DICT.FraudsReported.D30), optionalCount(f.tx.DICT.Settlements.D30))
			}},
		{Definition{Name: "dict_missing", Family: familyDICT, Entity: "payee", Unit: UnitFlag,
			Doc: "A payment by key came without DICT statistics: the look-up failed or was withheld, which is a signal of its own.", Source: dictSnapshot,
			ReasonPT: "o pagamento veio sem as estatísticas da chave no DICT|as estatísticas da chave no DICT não faltam", ReasonEN: "the payment came without the key's DICT statistics|the key's DICT statistics are not missing"},
			func(f *frame) float64 {
				_, has := f.tx.DICT.Watermark.Get()
				return truth(!has && f.tx.PayeeFacts.KeyKind != "")
			}},
	}
}

// dictLong lists the second version of the statistics. Of its windows the shortest and the longest say most.
func dictLong() []entry {
	spans := []struct {
		name string
		text words
		of   func(*pix.DICTLongCounter) pix.Optional[int64]
	}{
		{"90d", words{"90 dias", "90 days"}, func(c *pix.DICTLongCounter) pix.Optional[int64] { return c.D90 }},
		{"60m", words{"60 meses", "60 months"}, func(c *pix.DICTLongCounter) pix.Optional[int64] { return c.M60 }},
	}
	var all []entry
	for _, s := range spans {
		all = append(all,
			dictCount("dict_long_settlements_"+s.name, [3]string{"Settlements of the key's owner in " + s.text.en + ".",
				"o dono da chave teve {v liquidação/liquidações} em " + s.text.pt + "|o dono da chave não teve nenhuma liquidação em " + s.text.pt,
				"the key's owner had {v settlement/settlements} in " + s.text.en + "|the key's owner had no settlement in " + s.text.en},
				func(d *pix.DICTSnapshot) pix.Optional[int64] { return s.of(&d.Long.Settlements) }),
			dictCount("dict_long_application_frauds_"+s.name, [3]string{"Application frauds of the key's owner in " + s.text.en + ".",
				"o dono da chave teve {v marcação/marcações} de fraude de cadastro em " + s.text.pt + "|o dono da chave não teve marcação de fraude de cadastro em " + s.text.pt,
				"the key's owner had {v marker/markers} of application fraud in " + s.text.en + "|the key's owner had no marker of application fraud in " + s.text.en},
				func(d *pix.DICTSnapshot) pix.Optional[int64] { return s.of(&d.Long.ApplicationFrauds) }),
			dictFraudSum(s.name, s.text, s.of))
	}
	return append(all, entry{
		Definition{Name: "dict_long_watermark_age_hours", Family: familyDICT, Entity: "payee", Unit: UnitHours,
			Missing: "no long statistics, or DICT has no data",
			Doc:     "Age of the long statistics.", Source: dictSnapshot, ReasonPT: "as estatísticas longas do DICT têm {v}", ReasonEN: "the long DICT statistics are {v} old"},
		func(f *frame) float64 { return since(f, f.tx.DICT.Long.Watermark, hour) },
	})
}

func dictFraudSum(name string, text words, of func(*pix.DICTLongCounter) pix.Optional[int64]) entry {
	return entry{
		Definition{Name: "dict_long_fraud_sum_" + name + "_brl", Family: familyDICT, Entity: "payee", Unit: UnitBRL,
			Missing: dictWithheld,
			Doc:     "Total amount of the frauds of the key's owner in " + text.en + ".", Source: dictSnapshot,
			ReasonPT: "as fraudes do dono da chave somam {v} em " + text.pt + "|o dono da chave não teve fraude em " + text.pt,
			ReasonEN: "the frauds of the key's owner add up to {v} in " + text.en + "|the key's owner had no fraud in " + text.en},
		func(f *frame) float64 { return optionalCount(of(&f.tx.DICT.Long.FraudCentavos)) / 100 },
	}
}
