// Command images builds the container images: each is one static binary on an empty file system, for amd64 and arm64, as an OCI
// image layout with its bill of materials. It needs no container daemon and no base image, and the same sources give the same
// digests wherever they are built. With -push it puts them into a registry too.
//
// It prints what a deployment names: NAME@DIGEST, and the compressed size for each architecture.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// maxBytes is the largest that an image may be, compressed: what is pulled when a node is new is waited for.
const maxBytes = 40_000_000

// options are what the command line says.
type options struct {
	out, sbom, push string
	source          string // the module's root
	cache           string // of the compiler; empty is go's own
	expect, output  string
	again           bool
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "build/images", "directory of the OCI image layouts, one in it for each image")
	flag.StringVar(&o.sbom, "sbom", "build/tools/cyclonedx-gomod", "command that lists what a binary is made of; empty leaves the bills out")
	flag.StringVar(&o.push, "push", "", "registry and repository to push to, as southamerica-east1-docker.pkg.dev/PROJECT/sentinela")
	flag.StringVar(&o.source, "source", ".", "the module's root")
	flag.StringVar(&o.expect, "expect", nothing, "digests that the images must have, as JSON by name")
	flag.StringVar(&o.output, "output", "", "file behind which digests=JSON is written, as a workflow's next step reads it")
	flag.BoolVar(&o.again, "again", false, "build each twice, the second time elsewhere with an empty cache, and fail where they differ")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, &o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// run pushes nothing before all images are what is expected, and leaves no checksums of another build where it fails.
func run(ctx context.Context, o *options, out io.Writer) error {
	if err := forget(o); err != nil {
		return err
	}
	want, err := expected(o.expect)
	if err != nil {
		return err
	}
	made := digests{}
	var all []*built
	for _, i := range images() {
		b, err := i.build(ctx, o, architectures())
		if err != nil {
			return fmt.Errorf("%s: %w", i.name, err)
		}
		digest, err := b.report(out)
		if err == nil {
			err = want.check(i.name, digest)
		}
		if err == nil && o.again {
			err = b.again(ctx, i, o)
		}
		if err == nil {
			err = b.save(filepath.Join(o.out, i.name))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", i.name, err)
		}
		made[i.name] = digest
		all = append(all, b)
	}
	if o.push != "" {
		for _, b := range all {
			if err := b.push(ctx, o.push+"/"+b.name, out); err != nil {
				return fmt.Errorf("%s: %w", b.name, err)
			}
		}
	}
	return made.tell(o)
}

// report prints digest and sizes, and refuses an image that is too large.
func (b *built) report(out io.Writer) (string, error) {
	digest, err := b.index.Digest()
	if err != nil {
		return "", fmt.Errorf("digest: %w", err)
	}
	line := fmt.Sprintf("%s@%s", b.name, digest)
	var tooLarge error
	for _, p := range b.platforms {
		size, err := p.bytes()
		if err != nil {
			return "", err
		}
		line += fmt.Sprintf(" %s %.1f MB", p.architecture, float64(size)/1e6)
		if size > maxBytes {
			tooLarge = errors.Join(tooLarge, fmt.Errorf("%s has %d bytes, more than %d", p.architecture, size, maxBytes))
		}
	}
	if _, err := fmt.Fprintln(out, line); err != nil {
		return "", fmt.Errorf("print: %w", err)
	}
	return digest.String(), tooLarge
}

// save writes the layout anew.
func (b *built) save(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear the layout: %w", err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make the layout: %w", err)
	}
	path, err := layout.Write(dir, b.listed())
	if err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	for _, bill := range b.bills() {
		if err := path.WriteImage(bill); err != nil {
			return fmt.Errorf("write a bill of materials: %w", err)
		}
	}
	return nil
}
