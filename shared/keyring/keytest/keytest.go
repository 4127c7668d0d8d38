// Package keytest gives tests token keys that a keyring takes.
package keytest

import (
	"crypto/sha256"
	"encoding/base64"
)

// Key returns 32 bytes that look random and depend on the name only.
func Key(name string) []byte {
	sum := sha256.Sum256([]byte("a token key of a test: " + name))
	return sum[:]
}

// Base64 returns a Key as TOKEN_KEY has it.
func Base64(name string) string { return base64.StdEncoding.EncodeToString(Key(name)) }
