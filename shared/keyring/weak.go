package keyring

import (
	"errors"
	"slices"
	"unicode"
	"unicode/utf8"
)

// DemoKey is the token key of the demo. Everybody knows it.
const DemoKey = "a public key for demos and tests only"

// Bounds below which a key is not random. They refuse 32 random bytes with a probability below 10⁻¹⁰: those are valid UTF-8
// without control characters with at most 0.474³² < 5·10⁻¹¹ (the root of x⁴ = (100x³ + 7.5x² + x)/256 + 0.0004, the shares
// of characters of one to four bytes, rounded up), have at most 16 different bytes with C(256,16)·(16/256)³² < 4·10⁻¹⁴, and
// at most 6 different steps of a stride with C(256,6)·(6/256)²⁴ < 10⁻²⁷. Longer keys are refused less often still.
const (
	minDistinct = 17
	minSteps    = 7
)

// errKnown and errGuessable say why a key protects nothing.
var (
	errKnown     = errors.New("a public key")
	errGuessable = errors.New("guessable: it must be random bytes, as from openssl rand -base64 32")
)

// weakness says why a key protects nothing, nil when it may protect. Whether a key is random cannot be seen; that it is
// known, or that it is a text, a fill, a count or a repetition, can.
func weakness(key []byte) error {
	if string(key) == DemoKey {
		return errKnown
	}
	if isText(key) || distinct(key) < minDistinct {
		return errGuessable
	}
	for _, stride := range []int{1, 2, 4, 8} {
		if steps(key, stride) < minSteps {
			return errGuessable
		}
	}
	return nil
}

// isText reports whether a key is something that people write: printable text, such as a sentence or a
// hexadecimal number.
func isText(key []byte) bool {
	return utf8.Valid(key) && !slices.ContainsFunc([]rune(string(key)), func(r rune) bool {
		return !unicode.IsPrint(r) && !unicode.IsSpace(r)
	})
}

// distinct is how many different bytes a key has: a fill has 1, a repeated block at most its length.
func distinct(key []byte) int {
	var seen [256]bool
	n := 0
	for _, b := range key {
		if !seen[b] {
			seen[b] = true
			n++
		}
	}
	return n
}

// steps is how many different differences there are between bytes that lie a stride apart: a count has few, whatever the
// width of its numbers.
func steps(key []byte, stride int) int {
	differences := make([]byte, 0, len(key))
	for i := stride; i < len(key); i++ {
		differences = append(differences, key[i]-key[i-stride])
	}
	return distinct(differences)
}
