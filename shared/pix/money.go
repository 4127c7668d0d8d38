package pix

import (
	"fmt"
	"strings"
)

// Money is an amount in centavos of the Brazilian real. It is an integer so that sums are exact.
type Money int64

// MaxAmount bounds a single payment: R$ 1 trillion. Sums of 30 days of such amounts still fit an int64.
const MaxAmount Money = 100_000_000_000_000

// Reais returns the amount in reais, for feature vectors only: floats never carry money anywhere else.
func (m Money) Reais() float64 { return float64(m) / 100 }

// String writes the amount as a Brazilian reads it, for example "R$ 1.234,56".
func (m Money) String() string { return m.text('.', ',') }

// English writes the amount as an English sentence has it, for example "R$ 1,234.56".
func (m Money) English() string { return m.text(',', '.') }

func (m Money) text(thousands byte, decimal rune) string {
	sign, cents := "", uint64(m)
	if m < 0 {
		sign, cents = "-", uint64(-m)
	}
	digits := fmt.Sprintf("%d", cents/100)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(thousands)
		}
		b.WriteRune(d)
	}
	return fmt.Sprintf("%sR$ %s%c%02d", sign, b.String(), decimal, cents%100)
}
