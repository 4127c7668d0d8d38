package pix

import "strings"

// Normalisation is a version of the rules that give an identifier its one spelling before it becomes a token. A key
// version stands for a secret and a normalisation: to move to newer rules, rotate to a new version with the same secret.
type Normalisation int

// Versions of the rules. A version that tokens were written under never changes: their histories would be lost.
const (
	NormalisationV1 Normalisation = 1 // punctuation and leading zeros of accounts and documents, case of known keys
	NormalisationV2 Normalisation = 2 // the table of docs/domain.md
)

// identifier is what a token is made of. Institution and branch are an account's.
type identifier struct {
	ispb          ISPB
	branch, value string
}

// append writes the one spelling of a raw identifier behind dst, nothing for none.
func (n Normalisation) append(dst []byte, kind TokenKind, r identifier) []byte {
	switch {
	case n == NormalisationV1:
		return append(dst, r.spellingV1(kind)...)
	case kind == AccountToken:
		return appendAccount(dst, r.ispb, r.branch, r.value)
	default:
		return append(dst, r.spelling(kind)...)
	}
}

// spelling is that of any kind but an account.
func (r identifier) spelling(kind TokenKind) string {
	switch kind {
	case OwnerToken:
		return ownerSpelling(r.value)
	case KeyToken:
		_, key := keySpelling(r.value)
		return key
	case DeviceToken:
		return deviceSpelling(r.value)
	default:
		return strings.TrimSpace(r.value)
	}
}

func (r identifier) spellingV1(kind TokenKind) string {
	switch kind {
	case AccountToken:
		return accountV1(r.ispb, r.branch, r.value)
	case OwnerToken:
		return documentV1(r.value)
	case KeyToken:
		return keyV1(r.value)
	default:
		return strings.TrimSpace(r.value)
	}
}

func accountV1(ispb ISPB, branch, account string) string {
	number := accountDigitsV1(account)
	if number == "" {
		return ""
	}
	return string(ispb) + "/" + accountDigitsV1(branch) + "/" + number
}

// accountDigitsV1 keeps letters and digits, upper-cased, without leading zeros.
func accountDigitsV1(s string) string {
	if !every(s, isUpperAlphanumeric) {
		s = strings.ToUpper(string(filter(make([]byte, 0, len(s)), s, isAlphanumeric)))
	}
	return trimZeros(s)
}

// documentV1 strips punctuation and upper-cases letters.
func documentV1(s string) string {
	if every(s, isUpperAlphanumeric) {
		return s
	}
	return strings.ToUpper(without(strings.TrimSpace(s), isMark))
}

// keyV1 leaves a key as it is unless its kind is known.
func keyV1(key string) string {
	s := strings.TrimSpace(key)
	switch {
	case s == "":
		return ""
	case s[0] == '+':
		_, phone := phoneKey(s)
		return phone
	case strings.IndexByte(s, '@') > 0:
		_, email := emailKey(s)
		return email
	case isUUID(s):
		return strings.ToLower(s)
	}
	if d := without(s, isMark); isCPF(d) || isCNPJ(d) {
		return d
	}
	return s
}
