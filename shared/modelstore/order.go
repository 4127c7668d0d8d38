package modelstore

import (
	"cmp"
	"strings"
)

// higher orders versions as people count them: a number is higher than any name, and names compare piece by piece, their
// digits as numbers, so that v10 is higher than v9 and 2026-10-01 than 2026-9-30.
func higher(a, b string) bool {
	if number(a) != number(b) {
		return number(a)
	}
	x, y := a, b
	for x != "" && y != "" {
		var p, q string
		p, x = piece(x)
		q, y = piece(y)
		if c := comparePieces(p, q); c != 0 {
			return c > 0
		}
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b)) > 0
}

func number(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func digit(r rune) bool { return '0' <= r && r <= '9' }

// piece cuts the digits, or what is none, from the front of a text that is not empty.
func piece(s string) (first, rest string) {
	starts := digit(rune(s[0]))
	end := strings.IndexFunc(s, func(r rune) bool { return digit(r) != starts })
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

// comparePieces compares numbers of any length by their value, and anything else as text.
func comparePieces(p, q string) int {
	if !number(p) || !number(q) {
		return strings.Compare(p, q)
	}
	p, q = strings.TrimLeft(p, "0"), strings.TrimLeft(q, "0")
	return cmp.Or(cmp.Compare(len(p), len(q)), strings.Compare(p, q))
}
