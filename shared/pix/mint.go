package pix

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
)

// mint makes tokens for one caller at a time. Its hashes have already absorbed the padded keys, which is half the work of an
// HMAC over a short value: crypto/hmac keeps that state over a Reset.
type mint struct {
	*Tokenizer
	current, previous hash.Hash
	message           []byte // what is hashed: it holds a raw value, so put clears it
	sum               []byte // of the latest hash
}

func (t *Tokenizer) newMint() *mint {
	m := &mint{Tokenizer: t, current: hmac.New(sha256.New, t.current.secret)}
	if t.previous != nil {
		m.previous = hmac.New(sha256.New, t.previous.secret)
	}
	return m
}

func (t *Tokenizer) take() *mint { return t.mints.Get().(*mint) }

func (t *Tokenizer) put(m *mint) {
	clear(m.message[:cap(m.message)])
	clear(m.sum)
	t.mints.Put(m)
}

func (m *mint) party(raw *RawParty, facts *PartyFacts) Party {
	if facts.KeyKind == "" {
		facts.KeyKind = ClassifyKey(raw.Key.Reveal())
	}
	if facts.Person == "" {
		facts.Person = documentPerson(raw.Document.Reveal())
	}
	return Party{
		Account: m.pair(AccountToken, identifier{facts.ISPB, raw.Branch.Reveal(), raw.Account.Reveal()}),
		Owner:   m.pair(OwnerToken, identifier{value: raw.Document.Reveal()}),
		Key:     m.pair(KeyToken, identifier{value: raw.Key.Reveal()}),
	}
}

func (m *mint) pair(kind TokenKind, r identifier) TokenPair {
	if r.value == "" || !m.spell(m.Tokenizer.current.normalisation, kind, r) {
		return TokenPair{}
	}
	pair := TokenPair{Current: m.token(m.current, m.Tokenizer.current.version, kind)}
	before := m.Tokenizer.previous
	if before == nil {
		return pair
	}
	if before.normalisation == m.Tokenizer.current.normalisation || m.spell(before.normalisation, kind, r) {
		pair.Previous = m.token(m.previous, before.version, kind)
	}
	return pair
}

// spell writes what is hashed: kind, 0 and the one spelling of the value, and tells whether there is any. The kind separates
// the domains: the same value under two kinds gives unrelated tokens.
func (m *mint) spell(n Normalisation, kind TokenKind, r identifier) bool {
	m.message = append(append(m.message[:0], kind...), 0)
	before := len(m.message)
	m.message = n.append(m.message, kind, r)
	return len(m.message) > before
}

// token is "<kind>.<version>." and the first 16 bytes of the HMAC over what was spelt.
func (m *mint) token(mac hash.Hash, version string, kind TokenKind) Token {
	mac.Reset()
	mac.Write(m.message)
	m.sum = mac.Sum(m.sum[:0])
	var stack [64]byte
	out := append(append(append(append(stack[:0], kind...), '.'), version...), '.')
	out = base64.RawURLEncoding.AppendEncode(out, m.sum[:tokenBytes])
	return Token(out)
}
