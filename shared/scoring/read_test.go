package scoring

import (
	"errors"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// broken refuses to open one file, as a store that is away does.
type broken struct {
	fstest.MapFS
	name string
}

func (b broken) Open(name string) (fs.File, error) {
	if name == b.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("away")}
	}
	return b.MapFS.Open(name)
}

// TestUnreadableIsNotInvalid tells a store that is away, which is worth another try, from an artefact that is wrong.
func TestUnreadableIsNotInvalid(t *testing.T) {
	t.Parallel()
	for _, name := range []string{ModelFile, ManifestFile, GoldenFile} {
		m, err := Load(broken{fixture(t, "gbdt"), name}, DefaultLimits(), fixtureContract())
		if m != nil || pix.KindOf(err) != pix.Unavailable {
			t.Errorf("%s away gave %v, %v", name, m, err)
		}
	}
}

// rotten is a file system that panics.
type rotten struct{}

func (rotten) Open(string) (fs.File, error) { panic("rotten") }

// TestPanicIsARefusal stands for a defect of a reader.
func TestPanicIsARefusal(t *testing.T) {
	t.Parallel()
	if m, err := Load(rotten{}, DefaultLimits(), fixtureContract()); m != nil || pix.KindOf(err) != pix.Invalid {
		t.Errorf("a panic gave %v, %v", m, err)
	}
}

// TestGoldenIsBoundedInMemory brings golden files of which every few bytes would become a list or a value of its own: a
// scorer that serves must not run out of memory over an artefact.
//
//nolint:paralleltest // it counts what is allocated, and other tests allocate.
func TestGoldenIsBoundedInMemory(t *testing.T) {
	limits := DefaultLimits()
	for cell, features := range map[string]int{"[],": limits.Features, "{},": limits.Features, "0,": 134} {
		cells := strings.Repeat(cell, int(limits.GoldenBytes)/len(cell)-100)
		data := []byte(`{"schema_version":1,"features":6,"vectors":[` + cells + cell[:len(cell)-1] + `]}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		g, err := decodeGolden(data, features, limits)
		runtime.ReadMemStats(&after)
		if g != nil || pix.KindOf(refusal(err)) != pix.TooLarge || !strings.Contains(err.Error(), "within the limits") {
			t.Errorf("a list of %q gave %v", cell, err)
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 1 {
			t.Errorf("refusing a list of %q took %d MB", cell, took)
		}
	}
}
