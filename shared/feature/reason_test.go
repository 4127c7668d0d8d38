package feature

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// told is one reason and the value that it is true of.
type told struct {
	definition Definition
	value      float64
	pix.Reason
}

// everyReason renders every template with values that a feature may have: missing, none, one, two, usual and extreme.
func everyReason(t *testing.T) []told {
	t.Helper()
	values := map[string][]float64{
		UnitFlag: {0, 1}, UnitCount: {0, 1, 2, 7, 12_345},
		UnitBRL:   {0, 0.01, 70.48, 1234.56, 2_500_000},
		UnitRatio: {0, 0.00003, 0.034, 0.5, 1, 1.04, 1.3, 12.2, 987, 54_321},
		UnitShare: {0, 0.00003, 0.004, 0.25, 0.97, 0.996, 1}, UnitScore: {-12, -2, -0.4, 0, 0.7, 2.1, 12},
		UnitSeconds: {0, 1, 40, 95, 4_000}, UnitMinutes: {0, 0.02, 1, 5, 119, 600, 40_000},
		UnitHours: {0, 0.01, 1, 3.9, 47.9, 100, 30_000}, UnitDays: {0, 0.00002, 0.04, 1, 1.9, 12.5, 400, 900},
		UnitKM: {0, 0.35, 1, 12.4, 2_345}, UnitCode: {0, 1, 6, 20, 23},
	}
	named := map[string][]float64{
		"amount_brl": {0.01, 70.48, 1234.56, 2_500_000}, "weekday": {0, 1, 2, 3, 4, 5, 6}, "day_of_month": {1, 2, 31}, "since_pay_day_days": {0, 1, 2, 30},
	}
	set, tx := newSet(t), full()
	var all []told
	for _, d := range Definitions() {
		list := values[d.Unit]
		if named[d.Name] != nil {
			list = named[d.Name]
		}
		if len(list) == 0 {
			t.Fatalf("%s: no values for the unit %s", d.Name, d.Unit)
		}
		if d.Missing != "" {
			list = append([]float64{math.NaN()}, list...)
		}
		for _, v := range list {
			at := tx
			if d.Name == "amount_brl" {
				at.Amount = pix.Money(math.Round(v * 100))
			}
			all = append(all, told{d, v, set.Reason(d.Name, &at, v)})
		}
	}
	return all
}

// TestGoldenReasons is read by a person: testdata/reasons.txt has every sentence that a feature can make.
func TestGoldenReasons(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	name := ""
	for _, r := range everyReason(t) {
		if r.Code != name {
			name = r.Code
			fmt.Fprintf(&b, "\n%s\n", name)
		}
		fmt.Fprintf(&b, "  %v\n    %s\n    %s\n", r.value, r.TextPT, r.TextEN)
	}
	golden(t, "reasons.txt", []byte(b.String()[1:]))
}

// TestReasonsAreWellFormed holds every sentence to the laws of its language.
func TestReasonsAreWellFormed(t *testing.T) {
	t.Parallel()
	const longest = 180 // of characters: three must be read out on the telephone
	englishNumber := regexp.MustCompile(`\d\.\d{1,2}(\D|$)|\d,\d{3}`)
	portugueseNumber := regexp.MustCompile(`\d,\d{1,2}(\D|$)|\d\.\d{3}`)
	for _, r := range everyReason(t) {
		if englishNumber.MatchString(r.TextPT) {
			t.Errorf("%s: a number in English form: %q", r.Code, r.TextPT)
		}
		if portugueseNumber.MatchString(r.TextEN) {
			t.Errorf("%s: a number in Portuguese form: %q", r.Code, r.TextEN)
		}
		for _, text := range []string{r.TextPT, r.TextEN} {
			n := utf8.RuneCountInString(text)
			if n < 15 || n > longest || strings.ContainsAny(text, "{}|~_") || !strings.HasSuffix(text, ".") ||
				strings.Contains(text, "  ") || strings.Contains(text, "acct.") || strings.Contains(text, "NaN") {
				t.Errorf("%s of %v: %q (%d characters)", r.Code, r.value, text, n)
			}
		}
		if strings.Contains(r.TextPT, "aparelho") {
			t.Errorf("%s: the word is dispositivo: %q", r.Code, r.TextPT)
		}
	}
}

// TestReasonsAgree: one is singular, two are plural, and nothing is said as a word instead of a zero.
func TestReasonsAgree(t *testing.T) {
	t.Parallel()
	zero := regexp.MustCompile(`(^|[ (])(R\$ )?0([.,]00)?( [^%]|\.$|$)`)
	one := regexp.MustCompile(`(?i)(^|[ (])1 (pagamentos|contas|relatos|fraudes|marcações|instituições|liquidações|dispositivos|dias|horas|minutos|segundos|anos|vezes|notificações|acessos|payments|different accounts|reports|frauds|markers|institutions|settlements|devices|days|hours|minutes|seconds|years|times|have|were)\b`)
	two := regexp.MustCompile(`(?i)(^|[ (])2 (pagamento|conta|relato|fraude|marcação|instituição|liquidação|dispositivo|dia|hora|minuto|segundo|ano|vez|notificação|acesso|payment|account|report|fraud|marker|institution|settlement|device|day|hour|minute|second|year|has|was|foi|já foi)\b`)
	for _, r := range everyReason(t) {
		for _, text := range []string{r.TextPT, r.TextEN} {
			if r.value == 0 && r.definition.Unit != UnitCode && zero.MatchString(text) {
				t.Errorf("%s of 0 is a zero: %q", r.Code, text)
			}
			if one.MatchString(text) || two.MatchString(text) {
				t.Errorf("%s of %v does not agree: %q", r.Code, r.value, text)
			}
		}
	}
}

// TestEveryTemplateHasItsParts: a flag needs two wordings, and so does a count or a sum that may be none; both languages
// say the same.
func TestEveryTemplateHasItsParts(t *testing.T) {
	t.Parallel()
	marks := regexp.MustCompile(`\{~?v|\{amount\}|\|`)
	for _, d := range Definitions() {
		pt, en := marks.FindAllString(d.ReasonPT, -1), marks.FindAllString(d.ReasonEN, -1)
		if diff := cmp.Diff(pt, en); diff != "" {
			t.Errorf("%s: the languages differ (-pt +en):\n%s", d.Name, diff)
		}
		always := d.Name == "amount_brl" // no payment is of nothing
		if u := d.Unit; (u == UnitFlag || u == UnitCount || u == UnitBRL) && !always && strings.Count(d.ReasonPT, "|") != 1 {
			t.Errorf("%s: two wordings are needed, parted by |, the second for none: %q", d.Name, d.ReasonPT)
		}
		if text, ok := absences()[d.Missing]; d.Missing != "" && (!ok || text.pt == "" || text.en == "") {
			t.Errorf("%s: absences does not say in both languages that %q", d.Name, d.Missing)
		}
	}
}

func TestReason(t *testing.T) {
	t.Parallel()
	tx, set := full(), newSet(t)
	for _, c := range []struct {
		name   string
		value  float64
		pt, en string
	}{
		{"pair_first_ever", 1, "É o primeiro pagamento do pagador a este recebedor.", "It is the payer's first payment to this payee."},
		{"amount_to_median_30d", 12.2, "R$ 150,00 é 12 vezes o valor mediano dos pagamentos do pagador nos 30 dias anteriores.",
			"R$ 150.00 is 12 times the median of the payer's payments in the 30 days before."},
		{"amount_to_balance", 0.95, "R$ 150,00 é 95 % do saldo do pagador.", "R$ 150.00 is 95 % of the payer's balance."},
		{"amount_rank_30d", 0.997, "R$ 150,00 está acima de mais de 99 % dos pagamentos do pagador nos 30 dias anteriores.",
			"R$ 150.00 is above more than 99 % of the payer's payments in the 30 days before."},
		{"under_1000_brl", 70.48, "R$ 150,00 fica R$ 70,48 abaixo de R$ 1.000,00, o limite noturno de pessoas.",
			"R$ 150.00 is R$ 70.48 below R$ 1,000.00, the night limit of people."},
		{"hour", 3, "O pagamento foi feito entre 3h e 4h.", "The payment was made between 03:00 and 04:00."},
		{"hour", 23, "O pagamento foi feito entre 23h e 0h.", "The payment was made between 23:00 and 00:00."},
		{"payee_out_sum_24h_brl", 0, "O recebedor não fez nenhum pagamento nas 24 horas anteriores.",
			"The payee made no payment in the 24 hours before."},
		{"payer_out_sum_24h_brl", 1234.56, "O pagador pagou R$ 1.234,56 nas 24 horas anteriores.",
			"The payer paid R$ 1,234.56 in the 24 hours before."},
		{"device_emulator", 0, "O dispositivo não é emulador nem tem o sistema adulterado.", "The device is neither an emulator nor rooted."},
		{"dict_settlements_30d", 0, "A chave do recebedor não liquidou nenhum pagamento em 30 dias.",
			"The payee's key settled no payment in 30 days."},
		{"device_age_hours", 0.5, "O cliente usou o dispositivo pela primeira vez há 30 minutos.",
			"The customer first used the device 30 minutes ago."},
		{"weekday", 6, "O pagamento foi feito no sábado.", "The payment was made on a Saturday."},
		{"no_such_feature", 1, "O modelo usou um dado que esta versão não sabe descrever.",
			"The model used a fact that this release cannot describe."},
	} {
		want := pix.Reason{Code: c.name, TextPT: c.pt, TextEN: c.en}
		if d := cmp.Diff(want, set.Reason(c.name, &tx, c.value)); d != "" {
			t.Errorf("%s of %v, by the set (-want +got):\n%s", c.name, c.value, d)
		}
		if d := cmp.Diff(want, Reason(c.name, &tx, c.value)); d != "" {
			t.Errorf("%s of %v (-want +got):\n%s", c.name, c.value, d)
		}
	}
}

func TestReasonWithoutThePayment(t *testing.T) {
	t.Parallel()
	want := pix.Reason{
		Code: "amount_to_max_30d", TextPT: "O valor é 2 vezes o maior pagamento feito pelo pagador nos 30 dias anteriores.",
		TextEN: "The amount is 2 times the largest payment by the payer in the 30 days before.",
	}
	if d := cmp.Diff(want, Reason("amount_to_max_30d", nil, 2)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Whatever the value, a reason is a finished sentence.
func TestReasonsAreFinished(t *testing.T) {
	t.Parallel()
	tx, set := full(), newSet(t)
	for _, d := range Definitions() {
		for _, v := range []float64{-1e18, -1, 1e18, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1)} {
			r := set.Reason(d.Name, &tx, v)
			for _, text := range []string{r.TextPT, r.TextEN} {
				if text == "" || strings.ContainsAny(text, "{}|~") || strings.Contains(text, "Inf") {
					t.Errorf("%s of %v: %q", d.Name, v, text)
				}
			}
		}
	}
}
