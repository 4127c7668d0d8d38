// Package sign is `pixctl model sign`: it signs the manifest of an artefact that the scorer would load.
//
// Where the key is in Cloud KMS or behind cosign, they write the same file; scoring.SignatureFile says in which form.
package sign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/verify"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "model sign", Summary: "verify an artefact and sign its manifest", Run: run}
}

func run(_ context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "model sign", "DIR -key FILE [-role payer|receiver]", 1)
	file := flags.String("key", "", "a private ECDSA key on P-256, in PEM")
	role := flags.String("role", "", "the model's question; the name of DIR's parent (payer or receiver) by default")
	dirs, err := flags.Parse(args)
	if err != nil {
		return err
	}
	if err := flags.Required("key"); err != nil {
		return err
	}
	key, err := privateKey(*file)
	if err != nil {
		return fmt.Errorf("model sign: %w", err)
	}
	if err := sign(dirs[0], pix.Role(*role), key); err != nil {
		return fmt.Errorf("model sign: %w", err)
	}
	fmt.Fprintf(std.Out, "%s is signed; scorers with this key in MODEL_SIGNING_KEYS take it:\n%s", dirs[0], publicPEM(key))
	return nil
}

// sign signs exactly the bytes that were verified: what the scorer would refuse is not signed.
func sign(dir string, role pix.Role, key *ecdsa.PrivateKey) error {
	manifest, err := os.ReadFile(filepath.Join(dir, scoring.ManifestFile))
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	if _, err := verify.Load(dir, role, nil); err != nil {
		return err
	}
	again, err := os.ReadFile(filepath.Join(dir, scoring.ManifestFile))
	if err != nil || !bytes.Equal(manifest, again) {
		return errors.Join(errors.New("the manifest changed while it was verified"), err)
	}
	sum := sha256.Sum256(manifest)
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return write(filepath.Join(dir, scoring.SignatureFile), base64.StdEncoding.EncodeToString(signature)+"\n")
}

// write puts the signature in place as a whole, in the place of an older one.
func write(file, text string) error {
	next := file + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write signature: %w", err)
	}
	err := os.WriteFile(next, []byte(text), 0o644) //nolint:gosec // everybody may read a signature; the scorer is another user
	if err == nil {
		err = os.Rename(next, file)
	}
	if err != nil {
		return fmt.Errorf("write signature: %w", err)
	}
	return nil
}

// privateKey reads a key in PKCS #8 or SEC 1, as openssl and cosign's import take it.
func privateKey(file string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var parsed any
		switch block.Type {
		case "PRIVATE KEY":
			parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			parsed, err = x509.ParseECPrivateKey(block.Bytes)
		case "EC PARAMETERS": // openssl writes it before the key
			continue
		default:
			return nil, fmt.Errorf("the key file holds %.40q; expected PRIVATE KEY or EC PRIVATE KEY, not encrypted", block.Type)
		}
		key, ok := parsed.(*ecdsa.PrivateKey)
		if err != nil || !ok || key.Curve != elliptic.P256() {
			return nil, errors.New("the key is not a private ECDSA key on P-256")
		}
		return key, nil
	}
	return nil, errors.New("the key file holds no PEM block of a private key")
}

func publicPEM(key *ecdsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil { // not of a key on P-256
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
