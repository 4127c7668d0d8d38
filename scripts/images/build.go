package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// nobody is the user and group of the process. It has no name, for there is no file that could say it.
	nobody = "65532:65532"
	// binary is the only file of an image.
	binary = "/app"
	// tags are the Makefile's: what is deployed is what is tested.
	tags = "disable_grpc_modules"
)

// image is a binary that is deployed.
type image struct{ name, pkg, ports string }

func images() []image {
	return []image{
		{"functions", "./functions/server", "8080 8081"},
		{"scorer", "./functions/score/server", "8080 8081"},
		{"kafka-bridge", "./kafka-bridge", "8080"},
	}
}

func architectures() []string { return []string{"amd64", "arm64"} }

// built is an image for every platform.
type built struct {
	name      string
	index     v1.ImageIndex
	platforms []platform
}

// platform is an image for one architecture with its bill of materials, if one was asked for.
type platform struct {
	architecture string
	image, bill  v1.Image
}

// build compiles an image's binary for each architecture.
func (i image) build(ctx context.Context, o *options, archs []string) (*built, error) {
	work, err := os.MkdirTemp("", "images")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	b := &built{name: i.name, index: mutate.IndexMediaType(empty.Index, types.OCIImageIndex)}
	for _, arch := range archs {
		file := filepath.Join(work, arch)
		if err := i.compile(ctx, o, arch, file); err != nil {
			return nil, err
		}
		p := platform{architecture: arch}
		if p.image, err = i.pack(arch, file); err != nil {
			return nil, err
		}
		if o.sbom != "" {
			if p.bill, err = bill(ctx, o.sbom, file, p); err != nil {
				return nil, err
			}
		}
		b.platforms = append(b.platforms, p)
		b.index = mutate.AppendManifests(b.index, mutate.IndexAddendum{Add: p.image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: arch},
		}})
	}
	return b, nil
}

// compile leaves nothing in the binary that tells where, when or by whom it was built. The environment's own flags are put
// aside: they may differ.
func (i image) compile(ctx context.Context, o *options, arch, file string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags="+tags, "-ldflags=-s -w -buildid=", "-o", file, i.pkg)
	cmd.Dir = o.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
	if o.cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+o.cache)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build for %s: %w\n%s", arch, err, out)
	}
	return nil
}

// pack puts a binary into an image of its own.
func (i image) pack(arch, file string) (v1.Image, error) {
	data, err := layer(file)
	if err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(9), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(base, l)
	if err != nil {
		return nil, fmt.Errorf("append the layer: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	config.Config = v1.Config{
		User: nobody, Entrypoint: []string{binary}, WorkingDir: "/", StopSignal: "SIGTERM", ExposedPorts: map[string]struct{}{},
		Labels: map[string]string{
			"org.opencontainers.image.title":  "sentinela/" + i.name,
			"org.opencontainers.image.source": "https://github.com/sentinela-pix/sentinela",
		},
	}
	for _, port := range bytes.Fields([]byte(i.ports)) {
		config.Config.ExposedPorts[string(port)+"/tcp"] = struct{}{}
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return img, nil
}

// layer is an archive with the binary alone, owned by root and written by nobody.
func layer(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the binary: %w", err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	header := tar.Header{Name: binary[1:], Mode: 0o555, Size: int64(len(data)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR, ModTime: time.Unix(0, 0)}
	if err := w.WriteHeader(&header); err != nil {
		return nil, fmt.Errorf("begin the archive: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("write the archive: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("end the archive: %w", err)
	}
	return b.Bytes(), nil
}

// bytes are the compressed size: what is pulled.
func (p platform) bytes() (int64, error) {
	manifest, err := p.image.Manifest()
	if err != nil {
		return 0, fmt.Errorf("manifest: %w", err)
	}
	size := manifest.Config.Size
	for _, l := range manifest.Layers {
		size += l.Size
	}
	return size, nil
}
