package scoring

import (
	"errors"
	"io/fs"
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
