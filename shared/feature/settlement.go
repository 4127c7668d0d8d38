package feature

const (
	familySettlement = "settlement"
	statusRows       = "feature store, statuses beside the account's events"
)

// settled measures tell attempts, settled and returned money apart: a status counts once it has arrived.
func settledCount() measure {
	return measure{"settled_count", UnitCount, "Number, of those that settled, of",
		words{
			"dos pagamentos que {made} {window}, {v já foi liquidado/já foram liquidados}|nenhum pagamento que {made} {window} foi liquidado",
			"of the payments that {made} {window}, {v has settled/have settled}|no payment that {made} {window} has settled",
		},
		func(b *bucket) float64 { return float64(b.Settled) }}
}

func settledSum() measure {
	return measure{"settled_sum", UnitBRL, "Sum of the amounts, of those that settled, of",
		words{
			"dos pagamentos que {made} {window}, {v} já foram liquidados|nenhum pagamento que {made} {window} foi liquidado",
			"of the payments that {made} {window}, {v} has settled|no payment that {made} {window} has settled",
		},
		func(b *bucket) float64 { return b.SettledSum.Reais() }}
}

func returnedCount() measure {
	return measure{"returned_count", UnitCount, "Number, of those returned in whole or in part, of",
		words{
			"dos pagamentos que {made} {window}, {v foi devolvido/foram devolvidos} no todo ou em parte|nenhum pagamento que {made} {window} foi devolvido",
			"of the payments that {made} {window}, {v was returned/were returned} in whole or in part|no payment that {made} {window} was returned",
		},
		func(b *bucket) float64 { return float64(b.Returned) }}
}

func returnedSum() measure {
	return measure{"returned_sum", UnitBRL, "Sum of what was returned of",
		words{
			"dos pagamentos que {made} {window}, {v} foram devolvidos|nenhum pagamento que {made} {window} foi devolvido",
			"of the payments that {made} {window}, {v} was returned|no payment that {made} {window} was returned",
		},
		func(b *bucket) float64 { return b.ReturnedSum.Reais() }}
}

func rejectedCount() measure {
	return measure{"rejected_count", UnitCount, "Number, of those rejected before settlement, of",
		words{
			"dos pagamentos que {made} {window}, {v foi recusado/foram recusados}|nenhum pagamento que {made} {window} foi recusado",
			"of the payments that {made} {window}, {v was rejected/were rejected}|no payment that {made} {window} was rejected",
		},
		func(b *bucket) float64 { return float64(b.Rejected) }}
}

func settlements() []entry {
	var all []entry
	for _, d := range []side{payerOutSide(), payeeInSide()} {
		for _, m := range []measure{settledCount(), settledSum(), returnedCount(), returnedSum()} {
			all = append(all, d.over(m, w24h, w7d, w30d)...)
		}
		all = append(all, d.settledShare(w24h), d.returnedShare(w30d))
	}
	all = append(all, payerOutSide().over(rejectedCount(), w24h)...)
	for i := range all {
		all[i].Family, all[i].Source = familySettlement, statusRows
	}
	return all
}

// settledShare is the share of attempts that settled so far.
func (d side) settledShare(w window) entry {
	span := w.words()
	text := d.phrase(words{
		"{v} dos pagamentos que {made} {window} já foram liquidados|nenhum pagamento que {made} {window} foi liquidado",
		"{v} of the payments that {made} {window} have settled|no payment that {made} {window} has settled",
	}, w)
	return entry{
		Definition{
			Name: d.prefix + "_settled_share_" + w.String(), Entity: d.entity, Window: w.String(), Unit: UnitShare,
			Missing:  "there was none, or " + storeSilent,
			Doc:      "Share, of those that settled so far, of " + d.doc + " in the " + span.en + " before this one.",
			ReasonPT: text.pt, ReasonEN: text.en,
		},
		d.guard(func(f *frame) float64 {
			b := &d.stream(f).windows[w]
			return ratio(float64(b.Settled), float64(b.Count))
		}),
	}
}

// returnedShare is the return rate: returned money over attempted money.
func (d side) returnedShare(w window) entry {
	span := w.words()
	text := d.phrase(words{
		"{v} do dinheiro que {moved} {window} foi devolvido|nada do dinheiro que {moved} {window} foi devolvido",
		"{v} of the money that {moved} {window} was returned|none of the money that {moved} {window} was returned",
	}, w)
	return entry{
		Definition{
			Name: d.prefix + "_returned_share_" + w.String(), Entity: d.entity, Window: w.String(), Unit: UnitShare,
			Missing:  "there was none, or " + storeSilent,
			Doc:      "Return rate: money returned over the money of " + d.doc + " in the " + span.en + " before this one.",
			ReasonPT: text.pt, ReasonEN: text.en,
		},
		d.guard(func(f *frame) float64 {
			b := &d.stream(f).windows[w]
			return ratio(float64(b.ReturnedSum), float64(b.Sum))
		}),
	}
}
