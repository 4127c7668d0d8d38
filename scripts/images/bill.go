package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// cycloneDX is the media type of a bill of materials.
const cycloneDX = "application/vnd.cyclonedx+json"

// bill lists the modules of a binary, and Go itself, as an artefact that refers to its image: a registry gives it to whoever
// asks what belongs to the image's digest. It is made from what the linker wrote into the binary, so it lists what is linked
// and nothing that go.mod only mentions. It holds no time and no random number.
func bill(ctx context.Context, command, file string, of platform) (v1.Image, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, command, "bin", "-json", "-std", "-noserial", "-notimestamp", file)
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+of.architecture) // what it says the modules were built for
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("bill of materials: %w\n%s", err, said.Bytes())
	}
	subject, err := partial.Descriptor(of.image)
	if err != nil {
		return nil, fmt.Errorf("describe the image: %w", err)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), cycloneDX)
	artefact, err := mutate.AppendLayers(base, static.NewLayer(out.Bytes(), cycloneDX))
	if err != nil {
		return nil, fmt.Errorf("append the bill of materials: %w", err)
	}
	referring, ok := mutate.Subject(artefact, *subject).(v1.Image)
	if !ok {
		return nil, fmt.Errorf("refer to the image: %T is no image", artefact)
	}
	return referring, nil
}

// bills are what was made of them.
func (b *built) bills() []v1.Image {
	var all []v1.Image
	for _, p := range b.platforms {
		if p.bill != nil {
			all = append(all, p.bill)
		}
	}
	return all
}

// listed is the layout's own index: the image, under its name, and beside it what refers to its parts.
func (b *built) listed() v1.ImageIndex {
	all := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add: b.index, Descriptor: v1.Descriptor{Annotations: map[string]string{"org.opencontainers.image.ref.name": b.name}},
	})
	for _, bill := range b.bills() {
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: bill, Descriptor: v1.Descriptor{ArtifactType: cycloneDX}})
	}
	return all
}
