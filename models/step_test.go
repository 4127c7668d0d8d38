package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// TestShippedModelsNoticeOneStep moves thresholds of the shipped models by one step, and leaves by a little more than the
// tolerance of the proof, and states the hashes anew: none loads. The scorer's own tests do so at every split of small
// models, this one at a seeded sample of the large.
func TestShippedModelsNoticeOneStep(t *testing.T) {
	t.Parallel()
	const seed, each = 3, 12
	for _, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		_, sound, contract := shipped(t, role)
		for key, move := range map[string]func(float64, *rand.Rand) float64{
			"threshold":  func(x float64, rng *rand.Rand) float64 { return math.Nextafter(x, math.Inf(rng.IntN(2)*2-1)) },
			"leaf_value": func(x float64, _ *rand.Rand) float64 { return x + 2e-9 },
		} {
			t.Run(string(role)+"/"+key, func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(seed, seed))
				stay := func(x float64, _ *rand.Rand) float64 { return x }
				if fsys, what := moved(t, sound, rng, change{key, stay}); !loads(fsys, contract) {
					t.Fatalf("with %s, which is no change, it does not load", what)
				}
				for range each {
					fsys, what := moved(t, sound, rng, change{key, move})
					if loads(fsys, contract) {
						t.Errorf("loaded with %s (seed %d)", what, seed)
					}
				}
			})
		}
	}
}

func loads(fsys fs.FS, contract scoring.Contract) bool {
	_, err := scoring.Load(fsys, scoring.DefaultLimits(), contract)
	return err == nil
}

// change is what to do to one entry of one tree.
type change struct {
	key  string
	move func(float64, *rand.Rand) float64
}

// moved returns the artefact with one entry changed, and what was done. Values within ±1e-35 are one value to LightGBM and
// are left alone.
func moved(t *testing.T, sound fs.FS, rng *rand.Rand, c change) (fstest.MapFS, string) {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, name := range []string{scoring.ModelFile, scoring.ManifestFile, scoring.GoldenFile, scoring.ReferenceFile} {
		data, err := fs.ReadFile(sound, name)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	lines := strings.Split(string(fsys[scoring.ModelFile].Data), "\n")
	for {
		at := rng.IntN(len(lines))
		entries, found := strings.CutPrefix(lines[at], c.key+"=")
		fields := strings.Split(entries, " ")
		i := rng.IntN(len(fields))
		x, err := strconv.ParseFloat(fields[i], 64)
		if !found || err != nil || math.Abs(x) < 1e-34 {
			continue
		}
		was := fields[i]
		fields[i] = strconv.FormatFloat(c.move(x, rng), 'g', 17, 64)
		lines[at] = c.key + "=" + strings.Join(fields, " ")
		fsys[scoring.ModelFile].Data = []byte(resized(lines))
		seal(t, fsys)
		return fsys, c.key + " " + was + " moved to " + fields[i]
	}
}

// resized states the sizes of the trees as they are.
func resized(lines []string) string {
	var sizes []string
	size, header := 0, 0
	for i, line := range lines {
		begins := strings.HasPrefix(line, "Tree=") || line == "end of trees"
		if begins && size > 0 {
			sizes, size = append(sizes, strconv.Itoa(size)), 0
		}
		if strings.HasPrefix(line, "tree_sizes=") {
			header = i
		}
		if begins || size > 0 {
			size += len(line) + 1
		}
		if line == "end of trees" {
			break
		}
	}
	lines[header] = "tree_sizes=" + strings.Join(sizes, " ")
	return strings.Join(lines, "\n")
}

// seal states the hash of the model anew.
func seal(t *testing.T, fsys fstest.MapFS) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(fsys[scoring.ManifestFile].Data, &m); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(fsys[scoring.ModelFile].Data)
	m["files"].(map[string]any)[scoring.ModelFile] = hex.EncodeToString(sum[:])
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	fsys[scoring.ManifestFile].Data = data
}
