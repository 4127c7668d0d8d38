package scoring

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
)

// SignatureFile is the signature of manifest.json: an ASN.1 ECDSA signature on P-256 over the SHA-256 of the file's exact
// bytes, as it is or in base64. Cloud KMS (EC_SIGN_P256_SHA256), `cosign sign-blob --key` and `openssl dgst -sha256 -sign`
// write the same.
const SignatureFile = ManifestFile + ".sig"

const maxSignatureBytes = 1024

// Keys are public keys, one of which must have signed a manifest. While they are rotated there are several. Without any,
// no signature is asked for.
type Keys []*ecdsa.PublicKey

// ParseKeys reads P-256 public keys in PEM, one after the other. It refuses what holds none or anything else, so that a
// wrong file never stands for "no signature is asked for".
func ParseKeys(text []byte) (Keys, error) {
	var keys Keys
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("a PEM block is %q, expected PUBLIC KEY", clip(block.Type))
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("public key %d: %w", len(keys)+1, err)
		}
		key, ok := parsed.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("public key %d is not an ECDSA key on P-256", len(keys)+1)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no PEM block of a public key")
	}
	return keys, nil
}

// check wants the manifest signed by one of the keys, where there are any.
func (k Keys) check(fsys fs.FS, manifest []byte) error {
	if len(k) == 0 {
		return nil
	}
	text, err := readBounded(fsys, SignatureFile, maxSignatureBytes)
	if err != nil {
		return fmt.Errorf("only signed models are served here: %w", err)
	}
	signature := text
	if decoded, err := base64.StdEncoding.DecodeString(string(text)); err == nil { // line ends are skipped
		signature = decoded
	}
	sum := sha256.Sum256(manifest)
	for _, key := range k {
		if ecdsa.VerifyASN1(key, sum[:], signature) {
			return nil
		}
	}
	return fmt.Errorf("%s is by none of the %d keys that may sign models, or %s was changed after it was signed",
		SignatureFile, len(k), ManifestFile)
}
