package feature

import (
	"math"
	"strconv"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Reason puts a feature's value in words, in Portuguese and English, as a stable human sentence. tx gives the amount
// when the payment's own is spoken of; no token and no raw value ever enters the text.
//
// A template holds {v}, the value written by its unit; {v singular/plural}, a count with its noun; {amount}, the payment's
// amount; {weekday}. A flag has two wordings parted by "|", for 1 and 0. A missing value names its family instead.
func Reason(name string, tx *pix.Transaction, value float64) pix.Reason {
	for _, d := range Definitions() {
		if d.Name == name {
			return d.reason(tx, value)
		}
	}
	return unknownReason(name)
}

// unknownReason is that of a feature which this release does not have.
func unknownReason(name string) pix.Reason { return pix.Reason{Code: name, TextPT: name, TextEN: name} }

func (d *Definition) reason(tx *pix.Transaction, value float64) pix.Reason {
	if d.Name == "amount_brl" && tx != nil {
		value = tx.Amount.Reais()
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		pt, en := familyWords(d.Family)
		return pix.Reason{Code: d.Name, TextPT: "sem dados sobre " + pt, TextEN: "no data on " + en}
	}
	return pix.Reason{
		Code:   d.Name,
		TextPT: portuguese().fill(d, portuguese().amountIn(d.ReasonPT, tx), value),
		TextEN: english().fill(d, english().amountIn(d.ReasonEN, tx), value),
	}
}

// familyWords names a family to a person.
func familyWords(family string) (pt, en string) {
	switch family {
	case familyVelocity:
		return "o movimento recente das contas", "the accounts' recent activity"
	case familyAmount:
		return "o valor frente ao histórico", "the amount against history"
	case familyPair:
		return "a relação entre pagador e recebedor", "the relation of payer and payee"
	case familyFlow:
		return "entradas e saídas das contas", "the accounts' inflow and outflow"
	case familySettlement:
		return "pagamentos liquidados e devolvidos", "settled and returned payments"
	case familyFirst:
		return "a primeira vez das contas e do aparelho", "the first time of accounts and device"
	case familyMark:
		return "relatos de fraude", "reports of fraud"
	case familyStructuring:
		return "pagamentos logo abaixo de limites", "payments just below limits"
	case familyAge:
		return "a idade da conta ou da chave", "the age of account or key"
	case familyDevice:
		return "o aparelho", "the device"
	case familySession:
		return "a sessão", "the session"
	case familyMandate:
		return "a autorização de Pix Automático", "the Pix Automático mandate"
	case familyDICT:
		return "a chave no DICT", "the key in DICT"
	default:
		return "o pagamento", "the payment"
	}
}

// language holds what differs between the two.
type language struct {
	decimal  string
	amount   string
	days     string
	weekdays [7]string
}

func portuguese() language {
	return language{",", "valor", "dias", [7]string{
		"domingo", "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado"}}
}

func english() language {
	return language{".", "amount", "days", [7]string{
		"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}}
}

// amountIn names the payment's amount, in figures when the payment is known.
func (l language) amountIn(template string, tx *pix.Transaction) string {
	text := l.amount
	if tx != nil {
		text = tx.Amount.String()
	}
	return strings.Replace(template, "{amount}", text, 1)
}

func (l language) fill(d *Definition, template string, value float64) string {
	if one, zero, ok := strings.Cut(template, "|"); ok && d.Unit == UnitFlag {
		if value >= 0.5 {
			return one
		}
		return zero
	}
	if d.Name == "weekday" {
		return strings.ReplaceAll(template, "{weekday}", l.weekdays[int(min(max(value, 0), 6))])
	}
	before, rest, ok := strings.Cut(template, "{v")
	if !ok {
		return template
	}
	nouns, after, _ := strings.Cut(rest, "}")
	text := l.write(d.Unit, value)
	if nouns != "" {
		one, many, _ := strings.Cut(nouns[1:], "/")
		if math.Round(value) == 1 {
			many = one
		}
		text += " " + many
	}
	return before + text + after
}

// write puts a value in words by its unit.
func (l language) write(unit string, v float64) string {
	switch unit {
	case UnitBRL:
		return pix.Money(math.Round(min(max(v, -1e15), 1e15) * 100)).String()
	case UnitCount, UnitCode, UnitFlag:
		return strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	case UnitRatio:
		return l.short(v) + "×"
	case UnitShare:
		return l.short(v*100) + " %"
	case UnitSeconds:
		return l.duration(v)
	case UnitMinutes:
		return l.duration(v * 60)
	case UnitHours:
		return l.duration(v * 3600)
	case UnitDays:
		return l.duration(v * 86400)
	case UnitKM:
		return l.short(v) + " km"
	default:
		return l.short(v)
	}
}

// short writes as many digits as a person reads: 0,03 · 2,4 · 12.
func (l language) short(v float64) string {
	digits := 1
	switch a := math.Abs(v); {
	case a >= 9.95:
		digits = 0
	case a < 0.095:
		digits = 2
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return strings.Replace(s, ".", l.decimal, 1)
}

// duration writes the largest unit that leaves a number of at least one: 40 s · 5 min · 3 h · 12 days.
func (l language) duration(seconds float64) string {
	whole := func(v float64, unit string) string {
		return strconv.FormatFloat(math.Floor(v), 'f', 0, 64) + " " + unit
	}
	switch s := max(seconds, 0); {
	case s < 60:
		return whole(s, "s")
	case s < 3600:
		return whole(s/60, "min")
	case s < 48*3600:
		return whole(s/3600, "h")
	default:
		return whole(s/86400, l.days)
	}
}
