package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sentinela-pix/sentinela/shared/pixtest/program"
)

// small is an image of a file that is no program, with a bill of materials that is none.
func small(t *testing.T) *built {
	t.Helper()
	dir := t.TempDir()
	file, command := filepath.Join(dir, "file"), filepath.Join(dir, "command")
	for path, content := range map[string]string{file: "a program", command: "#!/bin/sh\necho \"{\\\"arch\\\":\\\"$GOARCH\\\"}\"\n"} {
		if err := program.Write(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b := &built{name: "small", index: empty.Index}
	for _, arch := range architectures() {
		p := platform{architecture: arch}
		var err error
		if p.image, err = (image{name: "small", ports: "8080"}).pack(arch, file); err != nil {
			t.Fatal(err)
		}
		if p.bill, err = bill(t.Context(), command, file, p); err != nil {
			t.Fatal(err)
		}
		b.platforms = append(b.platforms, p)
		b.index = mutate.AppendManifests(b.index, mutate.IndexAddendum{Add: p.image})
	}
	return b
}

// TestPush: a registry has the image under its digest, and gives its bill to whoever asks what refers to it.
func TestPush(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, 0)), registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	b := small(t)
	digest, err := b.index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	repository := strings.TrimPrefix(server.URL, "http://") + "/p/small"
	if err := b.push(t.Context(), repository, &out); err != nil {
		t.Fatal(err)
	}
	if want := repository + "@" + digest.String() + "\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	ref, err := name.NewDigest(repository + "@" + digest.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Index(ref); err != nil {
		t.Error(err)
	}
	for _, p := range b.platforms {
		of, err := p.image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		referring, err := remote.Referrers(ref.Context().Digest(of.String()))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := referring.IndexManifest()
		if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].ArtifactType != cycloneDX {
			t.Errorf("what refers to %s: %+v: %v", p.architecture, manifest, err)
		}
	}
}

// TestLayout: what is saved can be read, whole, and says for which machine each bill is.
func TestLayout(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "small")
	b := small(t)
	if err := b.save(dir); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1+len(b.platforms) {
		t.Fatalf("%+v: %v", manifest, err)
	}
	for n, p := range b.platforms {
		bill, err := index.Image(manifest.Manifests[1+n].Digest)
		if err != nil {
			t.Fatal(err)
		}
		if text := onlyLayer(t, bill); text != `{"arch":"`+p.architecture+"\"}\n" {
			t.Errorf("the bill of %s is %q", p.architecture, text)
		}
	}
}

func onlyLayer(t *testing.T, image v1.Image) string {
	t.Helper()
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers: %v", len(layers), err)
	}
	r, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
