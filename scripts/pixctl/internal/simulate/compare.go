package simulate

import (
	"fmt"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// line is one row of the comparison.
type line struct{ what, published, source, simulated string }

// Sources of what is published. The Banco Central's own pages were not reachable; these are reports of its figures.
const (
	lai      = "Banco Central through the access to information law, press of 2025-04"
	folha    = "Banco Central, Folha de S.Paulo of 2025-04-24"
	febraban = "Febraban from the Banco Central's figures, 2024 and 2025-05"
	keysOf22 = "Banco Central, 2022-07, registered keys"
	first20  = "Banco Central, 2020-12"
	record   = "Banco Central, record day of 2025-12-05"
	rule     = "rule"
	breach25 = "press of 2025-07 on C&M Software"
)

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

func reais(v float64) string { return fmt.Sprintf("R$ %.0f", v) }

// comparison is the table of published and simulated aggregates, in Markdown.
func (v *survey) comparison() string {
	var b strings.Builder
	b.WriteString("| aggregate | published | source | simulated |\n|---|---|---|---|\n")
	for _, l := range append(v.money(), v.shape()...) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", l.what, l.published, l.source, l.simulated)
	}
	return b.String()
}

func (v *survey) money() []line {
	return []line{
		{"fraudulent payments in 100,000", "6 to 8", lai, fmt.Sprintf("%.1f, of them %.1f by victims",
			1e5*v.fraud.n/v.all.n, 1e5*v.victims.n/v.all.n)},
		{"mean of a fraud", "R$ 1383 (R$ 6.5 bn in 4.7 M)", folha, reais(v.victims.mean())},
		{"reported and not returned, share of all money", "0.019 %", lai, fmt.Sprintf("%.4f %%",
			100*(v.reported.reais-v.returned.reais)/v.all.reais)},
		{"returned, share of reported money", "7 % (2024)", folha, percent(v.returned.reais / v.reported.reais)},
		{"refund requests accepted, in whole or part", "31 % (1.56 of 5 M)", folha, percent(v.accepted / v.requests)},
		{"mean payment", "R$ 414 in 2024", febraban, reais(v.all.mean())},
		{"mean payment of the record day", "R$ 574", record, "–"},
		{"mean payment between people", "R$ 496", first20, reais(v.between["NATURALNATURAL"].mean())},
		{"mean payment between companies", "R$ 14,600", first20, reais(v.between["LEGALLEGAL"].mean())},
		{"a breach: payments, mean", "166, R$ 3.3 M", breach25,
			fmt.Sprintf("%.0f (scaled to the world), %s", v.breach.n, reais(v.breach.mean()))},
	}
}

func (v *survey) shape() []line {
	day, busiest, total := largest(v.days)
	_, merchant, toFirms := largest(v.payee)
	keys := 0.0
	for _, n := range v.keys {
		keys += n
	}
	key := func(k pix.KeyKind) string { return percent(v.keys[k] / keys) }
	return []line{
		{"payments from person to person", "48 %", febraban, percent(v.between["NATURALNATURAL"].n / v.all.n)},
		{"payments from person to company", "40 %", febraban, percent(v.between["NATURALLEGAL"].n / v.all.n)},
		{"payments started with a key", "44 %", febraban, percent(v.started[pix.ByKey] / v.all.n)},
		{"Pix Saque and Troco", "0.01 %", "Banco Central, 2022-07", fmt.Sprintf("%.3f %%", 100*v.withdrawals/v.all.n)},
		{"keys: random, CPF, phone, e-mail", "39.8, 22.7, 21.0, 14.7 %", keysOf22, strings.Join([]string{
			key(pix.KeyEVP), key(pix.KeyCPF), key(pix.KeyPhone), key(pix.KeyEmail),
		}, ", ")},
		{"rejected: with key, by hand", "0.5 %, 9.8 %", first20,
			percent(v.byKey[1]/v.byKey[0]) + ", " + percent(v.manual[1]/v.manual[0])},
		{"busiest day of December 2025", "2025-12-05", record,
			fmt.Sprintf("%s, %.2f × the month's mean", day, busiest/total*float64(len(v.days)))},
		{"settlement: median, 95th percentile", "≤1.4 s, ≤2.3 s", "objectives of the Banco Central",
			fmt.Sprintf("%.1f s, %.1f s", quantile(v.settled, 0.5), quantile(v.settled, 0.95))},
		{"age of DICT's watermark", "≤12 h", "DICT's statistics, second version", fmt.Sprintf("≤%.1f h", v.lag.Hours())},
		{"reports of victims within a day, a week; last", "≤80 days", rule,
			fmt.Sprintf("%s, %s; %.0f days", percent(within(v.delays, 24*time.Hour)), percent(within(v.delays, 7*24*time.Hour)),
				quantile(v.delays, 1)/86400)},
		{"largest receiver, share of payments to companies", "–", "–",
			fmt.Sprintf("%s, %.2f M a day of 100 M", percent(merchant/toFirms), 100*merchant/toFirms)},
	}
}

// plots is the table of typologies and their look-alikes, in payments of 100,000.
func (v *survey) plots() string {
	var b strings.Builder
	b.WriteString("| typology | in 100,000 payments | mean | look-alike | in 100,000 | mean |\n" +
		"|---|---|---|---|---|---|\n")
	pairs := world.Pairs()
	beside := map[world.LookAlike]bool{}
	row := func(t pix.Typology, l world.LookAlike) {
		f, h := count(v.typologies, string(t)), count(v.lookAlikes, string(l))
		left := fmt.Sprintf("%s | %.2f | %s", t, 1e5*f.n/v.all.n, reais(f.mean()))
		switch t {
		case pix.InstitutionBreach:
			left = fmt.Sprintf("%s | one night | %s", t, reais(v.breach.mean()))
		case "":
			left = "– | – | –"
		}
		fmt.Fprintf(&b, "| %s | %s | %.0f | %s |\n", left, l, 1e5*h.n/v.all.n, reais(h.mean()))
	}
	for _, t := range world.Typologies() {
		beside[pairs[t]] = true
		row(t, pairs[t])
	}
	for _, l := range world.LookAlikes() {
		if !beside[l] {
			row("", l)
		}
	}
	return b.String()
}
