package pix

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The spellings of an identifier under NormalisationV2. docs/domain.md lists the rules, why each is safe, and what is
// left apart: joining two people is worse than splitting one.

// isSeparator tells what people write between the groups of a document or an account.
func isSeparator(c byte) bool { return c == ' ' || c == '.' || c == '-' || c == '/' }

// isMark is the same before blanks counted: under NormalisationV1.
func isMark(c byte) bool { return c == '.' || c == '-' || c == '/' }

// isPhoneMark tells what people write between the groups of a telephone.
func isPhoneMark(c byte) bool { return c == ' ' || c == '-' || c == '(' || c == ')' || c == '.' }

func isBlank(c byte) bool { return c == ' ' }

// maxBranchDigits is the longest branch in SPI and DICT, which write it without its check digit.
const maxBranchDigits = 4

// maxFolds is more often than any text was seen to change.
const maxFolds = 8

// plain removes what no identifier means: presentation forms such as full-width digits (NFKC), invisible characters that
// copying brings along, and blanks at the ends. Bytes that are no text keep their own spelling.
func plain(s string) string {
	if every(s, isPrintable) {
		return s
	}
	if utf8.ValidString(s) {
		s = norm.NFKC.String(strings.Map(visible, s))
	}
	return strings.TrimSpace(s)
}

func visible(r rune) rune {
	switch {
	case unicode.Is(unicode.Cf, r):
		return -1
	case unicode.IsSpace(r):
		return ' '
	default:
		return r
	}
}

// ownerSpelling is that of a CPF or CNPJ: without punctuation, upper-case. Zeros that were lost are not guessed.
func ownerSpelling(s string) string {
	if every(s, isUpperAlphanumeric) {
		return s
	}
	return upper(without(plain(s), isSeparator))
}

// accountSpelling joins institution, branch and number, empty without a number.
func accountSpelling(ispb ISPB, branch, account string) string {
	return string(appendAccount(nil, ispb, branch, account))
}

func appendAccount(dst []byte, ispb ISPB, branch, account string) []byte {
	number := numberSpelling(account)
	if number == "" {
		return dst
	}
	dst = append(append(dst, ispb...), '/')
	dst = append(append(dst, branchSpelling(branch)...), '/')
	return append(dst, trimZeros(number)...)
}

// numberSpelling is that of an account's number. A verifier X is the 0 that DICT writes for it: what stands before a
// verifier determines it, so an X and a 0 behind the same digits are never two accounts.
func numberSpelling(s string) string {
	if !every(s, isUpperAlphanumeric) {
		s = upper(without(plain(s), isSeparator))
	}
	if head, ok := strings.CutSuffix(s, "X"); ok && head != "" && every(head, isDigit) {
		return head + "0"
	}
	return s
}

// branchSpelling is that of a branch. Its check digit goes when a dash tells it from the number. More than four digits
// may hold one that nothing tells apart: they keep their zeros, so that 00019 is neither 0019 nor 0001-9.
func branchSpelling(s string) string {
	if !every(s, isUpperAlphanumeric) {
		s = upper(plain(s))
		if number, ok := uncheckedBranch(s); ok {
			s = number
		}
		s = without(s, isSeparator)
	}
	if len(s) > maxBranchDigits {
		return s
	}
	return trimZeros(s)
}

// uncheckedBranch takes the check digit off a branch such as 0001-9.
func uncheckedBranch(s string) (string, bool) {
	number, check, found := strings.Cut(without(s, isBlank), "-")
	ok := found && number != "" && len(number) <= maxBranchDigits && every(number, isDigit) &&
		len(check) == 1 && (isDigit(check[0]) || check[0] == 'X')
	return number, ok
}

// trimZeros removes leading zeros, and the blanks between them that text beyond ASCII keeps; of zeros only it keeps one.
func trimZeros(s string) string {
	trimmed := strings.TrimLeft(s, "0 ")
	if trimmed == "" && s != "" {
		return "0"
	}
	return trimmed
}

// deviceSpelling keeps case, which means something in most ids, but not in a UUID (RFC 9562).
func deviceSpelling(s string) string {
	s = plain(s)
	if isUUID(s) {
		return strings.ToLower(s)
	}
	return s
}

// keySpelling returns the kind of a key, by its shape, and its one spelling.
func keySpelling(raw string) (KeyKind, string) {
	s := plain(raw)
	switch {
	case s == "":
		return "", ""
	case s[0] == '+':
		if kind, key := phoneKey(s); kind == KeyPhone {
			return kind, key
		}
		return UnknownKey, unknownKey(s)
	case strings.IndexByte(s, '@') > 0:
		return emailKey(s)
	case isUUID(s):
		return KeyEVP, strings.ToLower(s)
	}
	if d, ok := ungrouped(s, 3, 6, 9); ok && isCPF(d) {
		return KeyCPF, d
	}
	if d, ok := ungrouped(s, 2, 5, 8, 12); ok && isCNPJ(d) {
		return KeyCNPJ, d
	}
	if d := without(s, isPhoneMark); isBrazilianPhone(d) {
		return KeyPhone, "+" + d
	}
	u := unknownKey(s)
	if every(u, isASCII) && !every(s, isASCII) { // a letter was another's capital: now its form can be told
		return keySpelling(u)
	}
	return UnknownKey, u
}

// unknownKey is the spelling of a key of a kind that we do not know: case and blanks mean nothing in any kind so far.
func unknownKey(s string) string { return without(lower(s), isBlank) }

// lower is the lower case, composed: of a letter with marks one may change the other, so both are repeated until nothing
// changes.
func lower(s string) string {
	if every(s, isASCII) {
		return strings.ToLower(s)
	}
	for range maxFolds {
		next := norm.NFKC.String(strings.ToLower(s))
		if next == s {
			break
		}
		s = next
	}
	return s
}

// ungrouped removes the separators at the ends of a document's groups, given as counts of characters. One that stands
// elsewhere says that this is no document: 11 91234-5678 is a telephone of eleven digits.
func ungrouped(s string, ends ...int) (string, bool) {
	if every(s, isUpperAlphanumeric) {
		return s, true
	}
	d := make([]byte, 0, len(s))
	for i := range len(s) {
		if !isSeparator(s[i]) {
			d = append(d, s[i])
		} else if !slices.Contains(ends, len(d)) {
			return "", false
		}
	}
	return upper(string(d)), true
}

// isBrazilianPhone reports whether s is 55, an area code and a mobile or fixed number: no other kind of key has 12 or 13
// digits. A number without 55 is not taken: eleven digits are a CPF.
func isBrazilianPhone(s string) bool {
	if !every(s, isDigit) || !strings.HasPrefix(s, "55") {
		return false
	}
	switch len(s) {
	case len("5511912345678"):
		return s[2] != '0' && s[3] != '0' && s[4] == '9'
	case len("551131234567"):
		return s[2] != '0' && s[3] != '0' && s[4] >= '2' && s[4] <= '5'
	default:
		return false
	}
}

// without returns s without the characters of a set. Text beyond ASCII is none of these identifiers and stays whole: taking
// a blank from before an accent would make another letter.
func without(s string, in func(byte) bool) string {
	if every(s, func(c byte) bool { return !in(c) }) || !every(s, isASCII) {
		return s
	}
	var stack [64]byte
	return string(filter(stack[:0], s, func(c byte) bool { return !in(c) }))
}

func isASCII(c byte) bool { return c < utf8.RuneSelf }

// upper is ASCII's upper case: letters beyond it have no place in these identifiers and keep their spelling.
func upper(s string) string {
	if every(s, func(c byte) bool { return !isLower(c) }) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if isLower(c) {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
