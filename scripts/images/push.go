package main

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/google"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push puts an image and its bills into a registry, by digest: no tag can be moved to something else afterwards. Who pushes is
// what Application Default Credentials or docker's configuration say.
func (b *built) push(ctx context.Context, repository string, out io.Writer) error {
	digest, err := b.index.Digest()
	if err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	ref, err := name.NewDigest(repository + "@" + digest.String())
	if err != nil {
		return fmt.Errorf("name: %w", err)
	}
	with := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.NewMultiKeychain(google.Keychain, authn.DefaultKeychain))}
	if err := remote.WriteIndex(ref, b.index, with...); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	for _, bill := range b.bills() {
		of, err := bill.Digest()
		if err != nil {
			return fmt.Errorf("digest of a bill of materials: %w", err)
		}
		if err := remote.Write(ref.Context().Digest(of.String()), bill, with...); err != nil {
			return fmt.Errorf("push a bill of materials: %w", err)
		}
	}
	if _, err := fmt.Fprintln(out, ref); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
