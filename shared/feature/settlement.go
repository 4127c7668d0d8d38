package feature

const (
	familySettlement = "settlement"
	statusRows       = "feature store, statuses beside the account's events"
)

// settled measures tell attempts, settled and returned money apart: a status counts once it has arrived.
func settledCount() measure {
	return measure{"settled_count", UnitCount, "Number, of those that settled, of",
		words{"{made} {v pagamento liquidado/pagamentos liquidados} em {window}", "{made} {v settled payment/settled payments} in {window}"},
		func(b *bucket) float64 { return float64(b.Settled) }}
}

func settledSum() measure {
	return measure{"settled_sum", UnitBRL, "Sum of the amounts, of those that settled, of",
		words{"{moved} {v} já liquidados em {window}", "{moved} {v} already settled in {window}"},
		func(b *bucket) float64 { return b.SettledSum.Reais() }}
}

func returnedCount() measure {
	return measure{"returned_count", UnitCount, "Number, of those returned in whole or in part, of",
		words{"{made} {v pagamento devolvido/pagamentos devolvidos} em {window}", "{made} {v returned payment/returned payments} in {window}"},
		func(b *bucket) float64 { return float64(b.Returned) }}
}

func returnedSum() measure {
	return measure{"returned_sum", UnitBRL, "Sum of what was returned of",
		words{"{moved} {v} depois devolvidos em {window}", "{moved} {v} later returned in {window}"},
		func(b *bucket) float64 { return b.ReturnedSum.Reais() }}
}

func rejectedCount() measure {
	return measure{"rejected_count", UnitCount, "Number, of those rejected before settlement, of",
		words{"{made} {v pagamento recusado/pagamentos recusados} em {window}", "{made} {v rejected payment/rejected payments} in {window}"},
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
	return entry{
		Definition{
			Name: d.prefix + "_settled_share_" + w.String(), Entity: d.entity, Window: w.String(), Unit: UnitShare,
			Missing:  "there was none, or " + storeSilent,
			Doc:      "Share, of those that settled so far, of " + d.doc + " in the " + span.en + " before this one.",
			ReasonPT: "{v} dos pagamentos que o " + d.made.pt + " em " + span.pt + " foram liquidados",
			ReasonEN: "{v} of the payments that the " + d.made.en + " in " + span.en + " settled",
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
	return entry{
		Definition{
			Name: d.prefix + "_returned_share_" + w.String(), Entity: d.entity, Window: w.String(), Unit: UnitShare,
			Missing:  "there was none, or " + storeSilent,
			Doc:      "Return rate: money returned over the money of " + d.doc + " in the " + span.en + " before this one.",
			ReasonPT: "{v} do dinheiro que o " + d.moved.pt + " em " + span.pt + " foi devolvido",
			ReasonEN: "{v} of the money that the " + d.moved.en + " in " + span.en + " was returned",
		},
		d.guard(func(f *frame) float64 {
			b := &d.stream(f).windows[w]
			return ratio(float64(b.ReturnedSum), float64(b.Sum))
		}),
	}
}
