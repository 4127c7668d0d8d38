package terraform_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// manifest is one resource of Kubernetes.
type manifest = map[string]any

// renderings keeps what kustomize made of each overlay: it takes as long as everything else here.
var renderings sync.Map

// rendered is an overlay of k8s as kustomize makes it. kubectl has a kustomize of its own; where there is none, it is built.
func rendered(t *testing.T, environment string) string {
	t.Helper()
	dir := filepath.Join(root, "k8s/overlays", environment)
	render := func() (string, error) {
		command := exec.CommandContext(t.Context(), "kubectl", "kustomize", dir)
		if _, err := exec.LookPath("kubectl"); err != nil {
			command = exec.CommandContext(t.Context(), "go", "tool", "-modfile="+filepath.Join(root, "scripts/tools/kustomize/go.mod"), "kustomize", "build", dir)
		}
		var problems bytes.Buffer
		command.Stderr = &problems
		out, err := command.Output()
		if err != nil {
			return "", fmt.Errorf("render %s: %w: %s", dir, err, problems.String())
		}
		return string(out), nil
	}
	once, _ := renderings.LoadOrStore(environment, sync.OnceValues(render))
	text, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// manifests reads the documents of a rendering.
func manifests(rendering string) ([]manifest, error) {
	var list []manifest
	decoder := yaml.NewDecoder(strings.NewReader(rendering))
	for {
		var m manifest
		err := decoder.Decode(&m)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read manifests: %w", err)
		}
		list = append(list, m)
	}
}

// dig follows names and numbers into a manifest, to nil where there is nothing.
func dig(v any, steps ...any) any {
	for _, step := range steps {
		switch s := step.(type) {
		case string:
			m, ok := v.(manifest)
			if !ok {
				return nil
			}
			v = m[s]
		case int:
			list, ok := v.([]any)
			if !ok || len(list) <= s {
				return nil
			}
			v = list[s]
		}
	}
	return v
}

// word is a value as text, empty where there is none.
func word(v any, steps ...any) string {
	if v = dig(v, steps...); v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func list(v any, steps ...any) []any {
	found, _ := dig(v, steps...).([]any)
	return found
}

func kindOf(m manifest) string { return word(m, "kind") }
func nameOf(m manifest) string { return word(m, "metadata", "name") }

// find is the manifest of a kind and a name, nil where there is none.
func (d *deployment) find(kind, name string) manifest {
	for _, m := range d.manifests {
		if kindOf(m) == kind && nameOf(m) == name {
			return m
		}
	}
	return nil
}

// kinds are the manifests of a kind.
func (d *deployment) kinds(kind string) []manifest {
	var found []manifest
	for _, m := range d.manifests {
		if kindOf(m) == kind {
			found = append(found, m)
		}
	}
	return found
}
