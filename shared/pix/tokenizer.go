package pix

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
)

// MinTokenSecret is the shortest secret a TokenKey may have, in bytes: the length of the hash, as RFC 2104 recommends.
const MinTokenSecret = 32

// TokenKey is one version of the secret under which entities are pseudonymised. It prints as a mask.
type TokenKey struct {
	Version       int // 1 to 999999; written into every token
	Secret        []byte
	Normalisation Normalisation // under which identifiers are spelt; 0 is the newest
}

// Format masks the key under every verb of fmt.
func (TokenKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue implements slog.LogValuer with a mask.
func (TokenKey) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText masks the key in text and JSON encoders.
func (TokenKey) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Tokenizer turns raw identifiers into tokens. It is safe for concurrent use.
type Tokenizer struct {
	current  *keyedHash
	previous *keyedHash // nil outside a rotation
}

// NewTokenizer returns a Tokenizer under the current key. During the 31 days after a rotation previous is the key
// before it, so that every entity also carries the token under which its history is stored; otherwise nil.
func NewTokenizer(current TokenKey, previous *TokenKey) (*Tokenizer, error) {
	const op = "new tokenizer"
	if err := current.check(); err != nil {
		return nil, E(Invalid, op, fmt.Errorf("current key: %w", err))
	}
	t := &Tokenizer{current: newKeyedHash(current)}
	if previous == nil {
		return t, nil
	}
	if err := previous.check(); err != nil {
		return nil, E(Invalid, op, fmt.Errorf("previous key: %w", err))
	}
	if previous.Version == current.Version {
		return nil, E(Invalid, op, errors.New("current and previous key have the same version"))
	}
	t.previous = newKeyedHash(*previous)
	return t, nil
}

func (k TokenKey) check() error {
	if k.Version < 1 || k.Version > maxTokenVersion {
		return errors.New("version must be 1 to 999999")
	}
	if len(k.Secret) < MinTokenSecret {
		return errors.New("secret must have at least 32 bytes")
	}
	if k.Normalisation < 0 || k.Normalisation > NormalisationV2 {
		return errors.New("normalisation must be 1 or 2")
	}
	return nil
}

// Format masks the tokenizer under every verb of fmt: its hashes hold keyed state.
func (*Tokenizer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// Tokenize returns the payment without its raw identifiers. Names are dropped. Kind of key and kind of person, where
// the producer left them out, are taken from the values, because nobody can derive them later.
func (t *Tokenizer) Tokenize(s *Submission) Transaction {
	tx := Transaction{Facts: s.Facts}
	tx.Payer = t.party(&s.Payer, &tx.PayerFacts)
	tx.Payee = t.party(&s.Payee, &tx.PayeeFacts)
	tx.DeviceToken = t.Token(DeviceToken, s.DeviceID)
	tx.TxIDToken = t.Token(ChargeToken, s.TxID)
	return tx
}

func (t *Tokenizer) party(raw *RawParty, facts *PartyFacts) Party {
	if facts.KeyKind == "" {
		facts.KeyKind = ClassifyKey(raw.Key.Reveal())
	}
	if facts.Person == "" {
		facts.Person = documentPerson(raw.Document.Reveal())
	}
	return Party{
		Account: t.Account(facts.ISPB, raw.Branch, raw.Account),
		Owner:   t.Token(OwnerToken, raw.Document),
		Key:     t.Token(KeyToken, raw.Key),
	}
}

// AccountID joins what identifies an account in the whole of Pix in its one spelling, empty without an account number.
func AccountID(ispb ISPB, branch, account Secret) Secret {
	return Secret(accountSpelling(ispb, branch.Reveal(), account.Reveal()))
}

// Account returns the tokens of an account, both empty without a number. The same number at another institution or
// branch is another account.
func (t *Tokenizer) Account(ispb ISPB, branch, number Secret) TokenPair {
	return t.pair(AccountToken, identifier{ispb, branch.Reveal(), number.Reveal()})
}

// Token returns the tokens of one raw value of any kind but an account, which has Account; both empty for an empty value.
func (t *Tokenizer) Token(kind TokenKind, value Secret) TokenPair {
	return t.pair(kind, identifier{value: value.Reveal()})
}

func (t *Tokenizer) pair(kind TokenKind, r identifier) TokenPair {
	value := t.current.normalisation.spelling(kind, r)
	if value == "" {
		return TokenPair{}
	}
	pair := TokenPair{Current: t.current.token(kind, value)}
	if t.previous == nil {
		return pair
	}
	if t.previous.normalisation != t.current.normalisation {
		value = t.previous.normalisation.spelling(kind, r)
	}
	if value != "" {
		pair.Previous = t.previous.token(kind, value)
	}
	return pair
}

// keyedHash computes tokens under one key. The pool keeps hashes that have already absorbed the padded key, which is
// half the work of an HMAC over a short value.
type keyedHash struct {
	version       string
	normalisation Normalisation
	pool          sync.Pool
}

type scratch struct {
	mac hash.Hash
	buf []byte
}

func newKeyedHash(k TokenKey) *keyedHash {
	secret := slices.Clone(k.Secret)
	return &keyedHash{
		version:       strconv.Itoa(k.Version),
		normalisation: cmp.Or(k.Normalisation, NormalisationV2),
		pool:          sync.Pool{New: func() any { return &scratch{mac: hmac.New(sha256.New, secret)} }},
	}
}

// token is "<kind>.<version>." and the first 16 bytes of HMAC(kind, 0, value). The kind inside the hash separates the
// domains: the same value under two kinds gives unrelated tokens.
func (h *keyedHash) token(kind TokenKind, value string) Token {
	s := h.pool.Get().(*scratch)
	defer h.pool.Put(s)
	s.mac.Reset()
	s.buf = append(append(append(s.buf[:0], kind...), 0), value...)
	s.mac.Write(s.buf)
	sum := s.mac.Sum(s.buf[:0])
	var stack [64]byte
	out := append(append(append(append(stack[:0], kind...), '.'), h.version...), '.')
	out = base64.RawURLEncoding.AppendEncode(out, sum[:tokenBytes])
	clear(sum)
	s.buf = sum
	return Token(out)
}
