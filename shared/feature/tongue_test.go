package feature

import (
	"strings"
	"testing"
	"unicode"
)

// TestEachTongueInItsPlace: texts stand in pairs, Portuguese first, and the compiler takes them in either order. Words that
// only one of the two has tell them apart, in every sentence that can be rendered.
func TestEachTongueInItsPlace(t *testing.T) {
	t.Parallel()
	portuguese := vocabulary("o os tem têm um uma da das dos em que foi não pelo pela ao aos à às com pagamento pagador recebedor conta chave aparelho dispositivo minutos horas dias")
	english := vocabulary("the of is are was were has have had this not and with by payer payee payment payments received account key device minutes hours days")
	for _, d := range Definitions() {
		if occurrences(d.Doc+" "+d.Missing, portuguese) != 0 {
			t.Errorf("%s is not described in English: %q, %q", d.Name, d.Doc, d.Missing)
		}
	}
	for _, r := range everyReason(t) {
		for _, side := range []struct {
			text       string
			own, other map[string]bool
		}{{r.TextPT, portuguese, english}, {r.TextEN, english, portuguese}} {
			own, foreign := occurrences(side.text, side.own), occurrences(side.text, side.other)
			if own == 0 || foreign != 0 {
				t.Errorf("%s at %v: %q stands in the other language's place", r.definition.Name, r.value, side.text)
			}
		}
	}
}

func vocabulary(list string) map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		words[w] = true
	}
	return words
}

// occurrences counts the words of a text that a vocabulary has.
func occurrences(text string, words map[string]bool) int {
	n := 0
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if words[w] {
			n++
		}
	}
	return n
}
