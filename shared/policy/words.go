package policy

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// amountMark stands in a reason for the payment's amount. The other marks are the names of a probability and of a
// threshold that the rule reads: "{payer_probability}", "{threshold.payer_review}".
const amountMark = "amount"

// fillMarks replaces each {name} of a text.
func fillMarks(text string, with func(name string) string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		var name string
		name, text, _ = strings.Cut(after, "}")
		b.WriteString(with(name))
	}
}

// checkMarks refuses a reason that speaks of what the rule does not read, and languages that do not say the same.
func checkMarks(words pix.Reason, reads map[string]bool) error {
	marksOf := func(text string) (names []string, err error) {
		fillMarks(text, func(name string) string {
			number := name == payerProbability || name == receiverProbability || strings.HasPrefix(name, thresholdPrefix)
			if name != amountMark && (!number || !reads[name]) {
				err = errors.New("reason: between braces stands what is not the amount, nor a probability or a threshold that the rule reads")
			}
			names = append(names, name)
			return ""
		})
		slices.Sort(names)
		return names, err
	}
	pt, err := marksOf(words.TextPT)
	if err != nil {
		return err
	}
	en, err := marksOf(words.TextEN)
	if err != nil {
		return err
	}
	if !slices.Equal(pt, en) {
		return errors.New("reason: the languages speak of different figures")
	}
	return nil
}

// told fills a reason's marks for one payment.
func (a *activation) told(words pix.Reason) pix.Reason {
	fill := func(text, amount string, percent func(float64) string) string {
		return fillMarks(text, func(name string) string {
			if name == amountMark {
				return amount
			}
			return percent(a.number(name))
		})
	}
	words.TextPT = fill(words.TextPT, a.tx.Amount.String(), percentPT)
	words.TextEN = fill(words.TextEN, a.tx.Amount.English(), percentEN)
	return words
}

// number reads a variable that is a number, NaN when it is not known: a rule can match by what || has beside it.
func (a *activation) number(name string) float64 {
	if v, ok := a.names[name](a).(types.Double); ok {
		return float64(v)
	}
	return math.NaN()
}

// Percent writes a probability as a sentence of either language has it, with two digits that count.
func Percent(p float64) (pt, en string) { return percentPT(p), percentEN(p) }

func percentPT(p float64) string {
	switch text, side := percent(p); side {
	case unknown:
		return "um valor desconhecido"
	case below:
		return "menos de " + strings.Replace(text, ".", ",", 1)
	case above:
		return "mais de " + text
	default:
		return strings.Replace(text, ".", ",", 1)
	}
}

func percentEN(p float64) string {
	switch text, side := percent(p); side {
	case unknown:
		return "an unknown value"
	case below:
		return "less than " + text
	case above:
		return "more than " + text
	default:
		return text
	}
}

// Sides of what percent writes.
const (
	exact = iota
	below
	above
	unknown
)

// percent writes a probability with two digits that count. What is not quite 0 or 1 is not written as if it were.
func percent(p float64) (text string, side int) {
	v := 100 * p
	switch {
	case math.IsNaN(v):
		return "", unknown
	case v > 0 && v < 0.01:
		return "0.01 %", below
	case v > 99 && v < 100:
		return "99 %", above
	case v == 0:
		return "0 %", exact
	}
	digits := max(1-int(math.Floor(math.Log10(v))), 0)
	text = strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " %", exact
}

// span says how long something was, in the largest unit that leaves a number of at least two.
func span(d time.Duration) (pt, en string) {
	unit, size := [2]string{"segundos", "seconds"}, time.Second
	switch {
	case d >= 48*time.Hour:
		unit, size = [2]string{"dias", "days"}, 24*time.Hour
	case d >= 2*time.Hour:
		unit, size = [2]string{"horas", "hours"}, time.Hour
	case d >= 2*time.Minute:
		unit, size = [2]string{"minutos", "minutes"}, time.Minute
	case d < 2*time.Second:
		return "menos de 2 segundos", "less than 2 seconds"
	}
	n := strconv.FormatInt(int64(d/size), 10)
	return n + " " + unit[0], n + " " + unit[1]
}
