package pix

import "strings"

// maxKeyLength is the longest Pix key there is, an e-mail address (DICT API 1.8.0).
const maxKeyLength = 77

// ClassifyKey tells the kind of a Pix key by its shape (DICT API 1.8.0), UnknownKey for shapes we do not know and empty
// for an empty key. Check digits do not matter here: eleven digits are a CPF key, right or wrong.
func ClassifyKey(s string) KeyKind {
	kind, _ := keySpelling(s)
	return kind
}

// phoneKey recognises ^\+[1-9][0-9]\d{1,14}$ after removing the blanks, brackets and dashes that people write.
func phoneKey(s string) (KeyKind, string) {
	d := s
	if !every(s[1:], isDigit) {
		d = without(s, isPhoneMark)
	}
	if len(d) < 4 || len(d) > 17 || d[1] == '0' || !every(d[1:], isDigit) {
		return UnknownKey, s
	}
	return KeyPhone, d
}

// emailKey recognises an address by DICT's set of characters: a local part, one @ and a domain of labels.
func emailKey(s string) (KeyKind, string) {
	s = lower(s)
	local, domain, _ := strings.Cut(s, "@")
	if len(s) > maxKeyLength || !every(local, isEmailLocal) || !isDomain(domain) {
		return UnknownKey, s
	}
	return KeyEmail, s
}

func isEmailLocal(c byte) bool {
	return isLower(c) || isDigit(c) || strings.IndexByte(".!#$&'*+/=?^_`{|}~-", c) >= 0
}

// isDomain reports whether s is made of labels of 1 to 63 lower-case letters, digits and inner hyphens.
func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if !every(label, func(c byte) bool { return isLower(c) || isDigit(c) || c == '-' }) {
			return false
		}
	}
	return true
}

// isUUID reports whether s is written as 8-4-4-4-12 hexadecimal digits.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (s[i] == '-') || !hyphen && !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// keyProblem says what is wrong with a raw key that was declared to be of a kind, empty when nothing is. A kind that
// was not declared is taken from the key.
func keyProblem(raw string, declared KeyKind) string {
	kind, key := keySpelling(raw)
	switch {
	case len(key) > maxKeyLength:
		return "must have at most 77 characters"
	case declared == KeyPhone && kind != KeyPhone && looksLikePhone(key), declared == "" && kind == UnknownKey && looksLikePhone(key):
		return "looks like a telephone without its country, as in +5511999990000"
	case !every(key, isPrintable):
		return "must hold printable ASCII characters only"
	case declared != "" && declared != UnknownKey && declared != kind:
		return "does not have the form of its keyKind; it looks like " + keyLooks(kind)
	case kind == KeyCPF && !ValidCPF(key) && key[2] == '9': // a mobile number after its area code
		return "check digits do not match; it looks like a CPF, or a telephone without its country, as in +5511999990000"
	case kind == KeyCPF && !ValidCPF(key), kind == KeyCNPJ && !ValidCNPJ(key):
		return "check digits do not match; it looks like " + keyLooks(kind)
	default:
		return ""
	}
}

// looksLikePhone recognises a Brazilian telephone without its country: an area code and a number.
func looksLikePhone(s string) bool {
	d := without(s, isPhoneMark)
	return every(d, isDigit) && (len(d) == 10 || len(d) == 11)
}

// keyLooks names a kind of key for a person.
func keyLooks(kind KeyKind) string {
	switch kind {
	case KeyCPF:
		return "a CPF, as in 11144477735"
	case KeyCNPJ:
		return "a CNPJ, as in 11222333000181"
	case KeyPhone:
		return "a telephone, as in +5511999990000"
	case KeyEmail:
		return "an e-mail address, as in contato@exemplo.com.br"
	case KeyEVP:
		return "a random key, as in 123e4567-e89b-42d3-a456-426614174000"
	default:
		return "no kind of key that is known; of a new kind say UNKNOWN"
	}
}
