package pix

import "strings"

const (
	cpfLength  = 11
	cnpjLength = 14
)

// ValidCPF reports whether s is a CPF, with or without its punctuation, whose check digits match. The eleven equal
// digits that satisfy the arithmetic are refused: Receita Federal never issues them.
func ValidCPF(s string) bool {
	d := ownerSpelling(s)
	return len(d) == cpfLength && every(d, isDigit) && !uniform(d) &&
		checkDigit(d[:9], 10) == d[9] && checkDigit(d[:10], 11) == d[10]
}

// ValidCNPJ reports whether s is a CNPJ, with or without its punctuation, whose check digits match. The first twelve
// characters may be letters (Receita Federal, Instrução Normativa 2.229/2024): a character is worth its ASCII code
// less 48.
func ValidCNPJ(s string) bool {
	d := ownerSpelling(s)
	return isCNPJ(d) && !uniform(d) && checkDigit(d[:12], 9) == d[12] && checkDigit(d[:13], 9) == d[13]
}

// isCNPJ tells the shape of a CNPJ, without looking at its check digits.
func isCNPJ(s string) bool {
	return len(s) == cnpjLength && every(s[:12], isUpperAlphanumeric) && every(s[12:], isDigit)
}

// isCPF tells the shape of a CPF, without looking at its check digits.
func isCPF(s string) bool { return len(s) == cpfLength && every(s, isDigit) }

// checkDigit is the modulo 11 digit of both documents. Weights run from top at the left down to 2 at the right; a CNPJ
// is longer than its weights, which then repeat from 9.
func checkDigit(s string, top int) byte {
	sum, weight := 0, 2
	for i := len(s) - 1; i >= 0; i-- {
		sum += int(s[i]-'0') * weight
		if weight++; weight > top {
			weight = 2
		}
	}
	if rest := sum % 11; rest >= 2 {
		return byte('0' + 11 - rest)
	}
	return '0'
}

// uniform reports whether s repeats one character.
func uniform(s string) bool { return s != "" && strings.Count(s, s[:1]) == len(s) }

// documentProblem says what is wrong with a raw document, empty when nothing is or none was given.
func documentProblem(raw string) string {
	d := ownerSpelling(raw)
	switch {
	case raw == "" || ValidCPF(d) || ValidCNPJ(d):
		return ""
	case isCPF(d) && d[2] == '9':
		return "check digits do not match; it looks like a telephone, or a CPF with a wrong digit, as in 111.444.777-35"
	case isCPF(d):
		return "check digits do not match; it looks like a CPF, as in 111.444.777-35"
	case isCNPJ(d):
		return "check digits do not match; it looks like a CNPJ, as in 11.222.333/0001-81"
	default:
		return "must be a CPF of 11 digits or a CNPJ of 14 characters"
	}
}

// documentPerson tells a person's document from a company's; empty when s is neither.
func documentPerson(s string) Person {
	switch d := ownerSpelling(s); {
	case isCPF(d):
		return NaturalPerson
	case isCNPJ(d):
		return LegalPerson
	default:
		return ""
	}
}
