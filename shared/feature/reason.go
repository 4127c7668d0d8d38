package feature

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Reason puts a feature's value in words, in Portuguese and English, as a sentence that is true of the value. tx gives
// the amount when the payment's own is spoken of; no token and no raw value ever enters the text.
//
// A template holds {v}, the value written by its unit; {v singular/plural}, a count with its words; {~v singular/plural},
// one that is an estimate when it is large; {v the whole}, a ratio with what it is a multiple or a part of; {amount}, the
// payment's amount. After "|" comes the wording for zero, of a flag the one for false. A missing value says why it is.
func Reason(name string, tx *pix.Transaction, value float64) pix.Reason {
	for _, d := range Definitions() {
		if d.Name == name {
			return d.reason(tx, value)
		}
	}
	return unknownReason(name)
}

// unknownReason is that of a feature which this release does not have.
func unknownReason(name string) pix.Reason {
	return pix.Reason{
		Code: name, TextPT: "O modelo usou um dado que esta versão não sabe descrever.",
		TextEN: "The model used a fact that this release cannot describe.",
	}
}

func (d *Definition) reason(tx *pix.Transaction, value float64) pix.Reason {
	if d.Name == "amount_brl" && tx != nil {
		value = tx.Amount.Reais()
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		text := d.missingWords()
		return pix.Reason{Code: d.Name, TextPT: sentence(text.pt), TextEN: sentence(text.en)}
	}
	value = min(max(value, -beyond), beyond)
	pt, en := portuguese(), english()
	return pix.Reason{
		Code:   d.Name,
		TextPT: sentence(pt.amountIn(pt.fill(d, d.ReasonPT, value), tx)),
		TextEN: sentence(en.amountIn(en.fill(d, d.ReasonEN, value), tx)),
	}
}

// beyond is more than any feature can be, and can still be written.
const beyond = 1e15

// sentence gives a clause its capital and its full stop.
func sentence(clause string) string {
	first, size := utf8.DecodeRuneInString(clause)
	return string(unicode.ToUpper(first)) + clause[size:] + "."
}

// amountIn names the payment's amount, in figures when the payment is known.
func (l *language) amountIn(text string, tx *pix.Transaction) string {
	amount := l.amount
	if tx != nil {
		amount = l.money(tx.Amount)
	}
	return strings.ReplaceAll(text, "{amount}", amount)
}

// fill writes a value into a template.
func (l *language) fill(d *Definition, template string, value float64) string {
	some, none, _ := strings.Cut(template, "|")
	if none != "" && isNone(d.Unit, value) {
		some = none
	}
	start := strings.Index(some, "{v")
	if about := strings.Index(some, "{~v"); about >= 0 {
		start = about
	}
	if start < 0 {
		return some
	}
	mark, after, _ := strings.Cut(some[start+1:], "}")
	estimate := strings.HasPrefix(mark, "~")
	mark = strings.TrimPrefix(mark, "~")
	words := strings.TrimPrefix(mark[1:], " ")
	text := l.write(d, words, value)
	if estimate && value >= aboutFrom {
		text = l.about + text
	}
	return some[:start] + text + after
}

// aboutFrom is the number from which different counterparties may be an estimate that is not exact.
const aboutFrom = 100

// isNone reports whether a value is written as none: false, no payment, not a centavo.
func isNone(unit string, value float64) bool {
	switch unit {
	case UnitFlag, UnitCount, UnitDays:
		return value < 0.5
	case UnitBRL:
		return value < 0.005
	default:
		return value <= 0
	}
}

// write puts a value in words by its unit. Beside a count the words are its singular and plural.
func (l *language) write(d *Definition, words string, v float64) string {
	switch {
	case d.Name == "hour":
		return l.hours(v)
	case d.Name == "weekday":
		return l.weekdays[int(min(max(v, 0), 6))]
	case d.Unit == UnitRatio:
		return l.ratio(v, words)
	case words != "":
		one, many, _ := strings.Cut(words, "/")
		if math.Round(v) == 1 {
			many = one
		}
		return l.whole(v) + " " + many
	}
	switch d.Unit {
	case UnitBRL:
		return l.money(pix.Money(math.Round(v * 100)))
	case UnitShare:
		return l.share(v)
	case UnitScore:
		return l.deviation(v)
	case UnitSeconds:
		return l.duration(v)
	case UnitMinutes:
		return l.duration(v * 60)
	case UnitHours:
		return l.duration(v * 3600)
	case UnitDays:
		return l.duration(v * 86400)
	case UnitKM:
		return l.distance(v)
	default:
		return l.whole(v)
	}
}
