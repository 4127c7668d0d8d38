package pix

import (
	"cmp"
	"errors"
	"fmt"
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
	current  keyVersion
	previous *keyVersion // nil outside a rotation
	mints    sync.Pool   // of *mint
}

// NewTokenizer returns a Tokenizer under the current key. During the 31 days after a rotation previous is the key
// before it, so that every entity also carries the token under which its history is stored; otherwise nil.
func NewTokenizer(current TokenKey, previous *TokenKey) (*Tokenizer, error) {
	const op = "new tokenizer"
	if err := current.check(); err != nil {
		return nil, E(Invalid, op, fmt.Errorf("current key: %w", err))
	}
	t := &Tokenizer{current: newKeyVersion(current)}
	t.mints.New = func() any { return t.newMint() }
	if previous == nil {
		return t, nil
	}
	if err := previous.check(); err != nil {
		return nil, E(Invalid, op, fmt.Errorf("previous key: %w", err))
	}
	if previous.Version == current.Version {
		return nil, E(Invalid, op, errors.New("current and previous key have the same version"))
	}
	t.previous = new(newKeyVersion(*previous))
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
	m := t.take()
	defer t.put(m)
	tx := Transaction{Facts: s.Facts}
	tx.Payer = m.party(&s.Payer, &tx.PayerFacts)
	tx.Payee = m.party(&s.Payee, &tx.PayeeFacts)
	tx.DeviceToken = m.pair(DeviceToken, identifier{value: s.DeviceID.Reveal()})
	tx.TxIDToken = m.pair(ChargeToken, identifier{value: s.TxID.Reveal()})
	return tx
}

// Replace puts tokens where c carries raw identifiers, of which none is left. It is Tokenize for whoever writes the payment
// at once: its facts are not copied.
func (t *Tokenizer) Replace(c *Carried) {
	m := t.take()
	defer t.put(m)
	c.PayerTokens = m.party(&c.Payer, &c.PayerFacts)
	c.PayeeTokens = m.party(&c.Payee, &c.PayeeFacts)
	c.DeviceToken = m.pair(DeviceToken, identifier{value: c.DeviceID.Reveal()})
	c.TxIDToken = m.pair(ChargeToken, identifier{value: c.TxID.Reveal()})
	c.Payer, c.Payee, c.DeviceID, c.TxID = RawParty{}, RawParty{}, "", ""
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
	m := t.take()
	defer t.put(m)
	return m.pair(kind, r)
}

// keyVersion is one key with the rules under which identifiers are spelt for it.
type keyVersion struct {
	version       string
	normalisation Normalisation
	secret        []byte
}

func newKeyVersion(k TokenKey) keyVersion {
	return keyVersion{
		version: strconv.Itoa(k.Version), normalisation: cmp.Or(k.Normalisation, NormalisationV2), secret: slices.Clone(k.Secret),
	}
}
