package modelstore

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func version(name string, files ...string) Artefact {
	held := memory{}
	for _, f := range files {
		held[f] = []byte(name + " " + f)
	}
	return Artefact{FS: held, Role: pix.PayerRole, Version: name}
}

func files(t *testing.T, a Artefact) string {
	t.Helper()
	held, ok := a.FS.(memory)
	if !ok {
		t.Fatalf("an artefact of type %T", a.FS)
	}
	return strings.Join(slices.Sorted(maps.Keys(held)), " ")
}

// TestAddChangesNothingInForce adds a version that is higher than all others, in full, in two goes, and again.
func TestAddChangesNothingInForce(t *testing.T) {
	t.Parallel()
	whole := version("10", "model.txt", "golden.json", "manifest.json", "manifest.json.sig")
	for backend, s := range writable(t, "", "1", "9") {
		if err := s.Add(t.Context(), version("10", "model.txt", "golden.json")); err != nil {
			t.Fatalf("%s: the first part: %v", backend, err)
		}
		for range 2 {
			if err := s.Add(t.Context(), whole); err != nil {
				t.Fatalf("%s: %v", backend, err)
			}
		}
		if got := inForce(t, s); got != "9" {
			t.Errorf("%s: in force %q, want %q", backend, got, "9")
		}
		got, err := s.LoadVersion(t.Context(), pix.PayerRole, "10")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("golden.json manifest.json manifest.json.sig model.txt", files(t, got)); diff != "" {
			t.Errorf("%s: %s", backend, diff)
		}
		names, err := s.root.directories(t.Context(), "payer")
		if err != nil || len(names) != 3 {
			t.Errorf("%s: versions %q, %v", backend, names, err)
		}
	}
}

// TestAddNeverChangesAVersion offers other content under a name that is taken.
func TestAddNeverChangesAVersion(t *testing.T) {
	t.Parallel()
	for backend, s := range writable(t, "1\n", "1") {
		if err := s.Add(t.Context(), version("1", "model.txt", "manifest.json")); pix.KindOf(err) != pix.Conflict {
			t.Errorf("%s: got %v", backend, err)
		}
		held, err := s.LoadVersion(t.Context(), pix.PayerRole, "1")
		if err != nil {
			t.Fatal(err)
		}
		if text, err := fs.ReadFile(held, "model.txt"); err != nil || string(text) != "payer/1/model.txt" {
			t.Errorf("%s: model.txt is now %q, %v", backend, text, err)
		}
		if err := s.Add(t.Context(), version("../2", "model.txt")); pix.KindOf(err) != pix.Invalid {
			t.Errorf("%s: a path for a version: %v", backend, err)
		}
	}
	empty := writable(t, "")
	for backend, s := range empty {
		if err := s.Add(t.Context(), version("1", "manifest.json")); err != nil {
			t.Errorf("%s: the first of all: %v", backend, err)
		}
	}
	if err := FromFS(layout("1", "1")).Add(t.Context(), version("2", "manifest.json")); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("a store that cannot be written: %v", err)
	}
}

// breaking is a source whose process dies in mid-way: it writes so many more files.
type breaking struct {
	source
	left *int
}

var errDied = errors.New("died")

func (b breaking) create(ctx context.Context, name string, data []byte) error {
	if *b.left--; *b.left < 0 {
		return errDied
	}
	return b.source.create(ctx, name, data)
}

// TestAddThatDiesServesNothing: wherever the process dies, what is in force stays, the version has no manifest, and to add
// it again finishes the work; unless it is other content by then, of which nothing is taken.
func TestAddThatDiesServesNothing(t *testing.T) {
	t.Parallel()
	whole := version("10", "model.txt", "golden.json", "manifest.json", "manifest.json.sig")
	for died := range 4 {
		for backend, s := range writable(t, "", "1", "9") {
			left := died
			broken := &Store{root: breaking{s.root, &left}}
			if err := broken.Add(t.Context(), whole); !errors.Is(err, errDied) || pix.KindOf(err) != pix.Unavailable {
				t.Fatalf("%s: %v", backend, err)
			}
			if got := inForce(t, s); got != "9" {
				t.Errorf("%s: after %d files %q is in force", backend, died, got)
			}
			if half, err := s.LoadVersion(t.Context(), pix.PayerRole, "10"); died == 0 && err == nil {
				t.Errorf("%s: a version without files is there", backend)
			} else if died > 0 && (err != nil || strings.Contains(files(t, half)+" ", "manifest.json ")) {
				t.Errorf("%s: after %d files there are %s, %v", backend, died, files(t, half), err)
			}
			other := Artefact{FS: memory{"model.txt": []byte("other"), "manifest.json": []byte("its own")}, Role: pix.PayerRole, Version: "10"}
			if died > 0 {
				if err := s.Add(t.Context(), other); pix.KindOf(err) != pix.Conflict {
					t.Errorf("%s: two versions under one name: %v", backend, err)
				}
			}
			if err := s.Add(t.Context(), whole); err != nil {
				t.Errorf("%s: to finish: %v", backend, err)
			}
			if got, err := s.LoadVersion(t.Context(), pix.PayerRole, "10"); err != nil || files(t, got) != "golden.json manifest.json manifest.json.sig model.txt" {
				t.Errorf("%s: %v", backend, err)
			}
		}
	}
}
