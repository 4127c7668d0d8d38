package scoring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// damage is one way to spoil an artefact. The hashes are stated anew afterwards, so that they give nothing away.
type damage struct {
	name  string
	spoil func(*artefact, *rand.Rand)
	never bool // none may load; of the others those may that score as before
}

// artefact is what a damage works on.
type artefact struct {
	model, golden []byte
	manifest      func(map[string]any) // edits the sealed manifest
	rawManifest   func([]byte) []byte  // edits its bytes, last
}

// damages returns every category. Each draws what it needs, so one category gives as many artefacts as are asked for.
func damages() []damage {
	return []damage{
		{"model cut off", func(a *artefact, rng *rand.Rand) { a.model = a.model[:rng.IntN(len(a.model))] }, false},
		{"golden cut off", func(a *artefact, rng *rand.Rand) { a.golden = a.golden[:rng.IntN(len(a.golden))] }, false},
		{"manifest cut off", func(a *artefact, rng *rand.Rand) {
			a.rawManifest = func(b []byte) []byte { return b[:rng.IntN(len(b))] }
		}, false},
		{"bit of the header", func(a *artefact, rng *rand.Rand) { flip(a.model[:a.at("\nTree=0\n")], rng) }, false},
		{"bit of a tree", func(a *artefact, rng *rand.Rand) { flip(a.model[a.at("\nTree=0\n"):a.at("end of trees")], rng) }, false},
		{"bit of the parameters", func(a *artefact, rng *rand.Rand) { flip(a.model[a.at("end of trees"):], rng) }, false},
		{"bit of the golden vectors", func(a *artefact, rng *rand.Rand) { flip(a.golden, rng) }, false},
		{"bit of the manifest", func(a *artefact, rng *rand.Rand) {
			a.rawManifest = func(b []byte) []byte { flip(b, rng); return b }
		}, false},
		{"cycle", func(a *artefact, rng *rand.Rand) { a.setChild(rng, rng.IntN(5)) }, false},
		{"child out of range", func(a *artefact, rng *rand.Rand) { a.setChild(rng, (rng.IntN(2)*2-1)*(12+rng.IntN(1<<30))) }, false},
		{"wrong counts", func(a *artefact, rng *rand.Rand) {
			a.set(rng, oneOf(rng, "leaf_count", "internal_count"), fmt.Sprint(rng.IntN(5000)-10))
		}, false},
		{"wrong measures", func(a *artefact, rng *rand.Rand) {
			a.set(rng, oneOf(rng, "num_leaves", "num_cat", "is_linear"), fmt.Sprint(rng.IntN(30)-2))
		}, false},
		{"swapped features", func(a *artefact, rng *rand.Rand) { a.set(rng, "split_feature", fmt.Sprint(rng.IntN(6))) }, false},
		{"swapped names", swapNames, false},
		{"threshold one step off", func(a *artefact, rng *rand.Rand) {
			a.change(rng, "threshold", func(x float64) float64 {
				if x == nearZero { // one step down is the other end of zero: the same split where zero is missing
					return stepped(x, 1)
				}
				return stepped(x, rng.IntN(2)*2-1)
			})
		}, true},
		{"leaf visibly off", func(a *artefact, rng *rand.Rand) {
			a.change(rng, "leaf_value", func(x float64) float64 { return x + 2*tolerance })
		}, true},
		{"threshold slightly off", func(a *artefact, rng *rand.Rand) {
			a.change(rng, "threshold", func(x float64) float64 { return x * (1 + math.Pow(10, -float64(rng.IntN(15)))) })
		}, false},
		{"leaf off", func(a *artefact, rng *rand.Rand) {
			a.change(rng, "leaf_value", func(x float64) float64 { return x + math.Pow(10, -float64(rng.IntN(15))) })
		}, false},
		{"other rule for missing values", func(a *artefact, rng *rand.Rand) { a.set(rng, "decision_type", fmt.Sprint(rng.IntN(16))) }, false},
		{"hostile numbers", func(a *artefact, rng *rand.Rand) {
			key := oneOf(rng, "threshold", "leaf_value", "left_child", "leaf_count", "split_feature", "num_leaves")
			a.set(rng, key, oneOf(rng, "nan", "inf", "-inf", "1e308", "-1e308", "1e999", "0x1p-2", "5e-324", "-0", "1_0", "٣",
				"2147483647", "-2147483648", "99999999999999999999", "+", "", " "))
		}, false},
		{"another kind", anotherKind, false},
		{"huge", huge, false},
		{"lines moved", moveLines, false},
		{"manifest lies", manifestLies, false},
		{"golden lies", goldenLies, false},
	}
}

func (a *artefact) at(mark string) int { return bytes.Index(a.model, []byte(mark)) }

func flip(b []byte, rng *rand.Rand) {
	if len(b) > 0 {
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
	}
}

func oneOf(rng *rand.Rand, from ...string) string { return from[rng.IntN(len(from))] }

// edit changes one entry of one line of one tree and states the sizes anew.
func (a *artefact) edit(rng *rand.Rand, key string, to func(string) string) {
	trees := strings.Count(string(a.model), "\nTree=")
	a.editAt(1+rng.IntN(trees), rng.IntN(1<<20), key, to)
}

// editAt changes one entry, counted modulo how many there are.
func (a *artefact) editAt(tree, entry int, key string, to func(string) string) {
	blocks := strings.Split(string(a.model), "\nTree=")
	before, rest, _ := strings.Cut(blocks[tree], "\n"+key+"=")
	line, after, _ := strings.Cut(rest, "\n")
	fields := strings.Split(line, " ")
	i := entry % len(fields)
	fields[i] = to(fields[i])
	blocks[tree] = before + "\n" + key + "=" + strings.Join(fields, " ") + "\n" + after
	a.model = resized(strings.Join(blocks, "\nTree="))
}

func (a *artefact) set(rng *rand.Rand, key, to string) {
	a.edit(rng, key, func(string) string { return to })
}

func (a *artefact) setChild(rng *rand.Rand, to int) {
	a.set(rng, oneOf(rng, "left_child", "right_child"), strconv.Itoa(to))
}

func (a *artefact) change(rng *rand.Rand, key string, to func(float64) float64) {
	a.edit(rng, key, func(s string) string { return formatted(s, to) })
}

// formatted applies a function to a number as LightGBM writes it.
func formatted(s string, to func(float64) float64) string {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return strconv.FormatFloat(to(x), 'g', 17, 64)
}

// resized writes tree_sizes as the trees are.
func resized(text string) []byte {
	head, tail, _ := strings.Cut(text, "end of trees")
	blocks := strings.Split(head, "\nTree=")
	sizes := make([]string, 0, len(blocks))
	for i, b := range blocks[1:] {
		size := len("Tree=") + len(b) + 1 // of the line end that the next block was cut off at
		if i == len(blocks)-2 {
			size--
		}
		sizes = append(sizes, strconv.Itoa(size))
	}
	before, rest, _ := strings.Cut(blocks[0], "tree_sizes=")
	_, after, _ := strings.Cut(rest, "\n")
	blocks[0] = before + "tree_sizes=" + strings.Join(sizes, " ") + "\n" + after
	return []byte(strings.Join(blocks, "\nTree=") + "end of trees" + tail)
}

// swapNames swaps two features in the text, in the manifest or in both.
func swapNames(a *artefact, rng *rand.Rand) {
	names := fixtureFeatures()
	i, j := rng.IntN(len(names)), rng.IntN(len(names))
	names[i], names[j] = names[j], names[i]
	where := 1 + rng.IntN(3)
	if where&1 != 0 {
		a.replace(strings.Join(fixtureFeatures(), " "), strings.Join(names, " "))
	}
	if where&2 != 0 {
		a.manifest = func(m map[string]any) { m["features"] = names }
	}
}

func (a *artefact) replace(from, to string) {
	a.model = bytes.ReplaceAll(a.model, []byte(from), []byte(to))
}

// anotherKind claims to be a model that is not served, or puts the trees of one behind this header.
func anotherKind(a *artefact, rng *rand.Rand) {
	claims := [][2]string{
		{"objective=binary", "average_output\nobjective=binary"},
		{"num_class=1\n", "num_class=3\n"},
		{"num_tree_per_iteration=1", "num_tree_per_iteration=" + strconv.Itoa(rng.IntN(5))},
		{"sigmoid:1", "sigmoid:" + strconv.Itoa(rng.IntN(5))},
		{"objective=binary sigmoid:1", oneOf(rng, "objective=regression", "objective=cross_entropy", "objective=")},
		{"[boosting: gbdt]", oneOf(rng, "[boosting: rf]", "[boosting: goss]", "")},
		{"[linear_tree: 0]", "[linear_tree: 1]"},
		{"is_linear=0", "is_linear=1"},
		{"num_cat=0", "num_cat=" + strconv.Itoa(1+rng.IntN(3))},
		{"version=v4", oneOf(rng, "version=v1", "version=v5", "version=4", "version")},
	}
	c := claims[rng.IntN(len(claims))]
	a.replace(c[0], c[1])
	a.model = resized(string(a.model))
}

// huge states or brings more than fits.
func huge(a *artefact, rng *rand.Rand) {
	n := 1 << (6 + rng.IntN(12))
	switch rng.IntN(4) {
	case 0: // trees without end
		blocks := strings.SplitAfter(string(a.model), "\nTree=1\n")
		a.model = resized(blocks[0] + strings.Repeat("Tree=1\n", min(n, 20000)) + strings.Join(blocks[1:], ""))
	case 1: // a list without end
		a.edit(rng, oneOf(rng, "threshold", "left_child", "leaf_value"), func(s string) string { return s + strings.Repeat(" 1", n) })
	case 2: // more leaves than there are
		a.set(rng, "num_leaves", strconv.Itoa(n))
	default: // one number without end
		a.set(rng, oneOf(rng, "threshold", "leaf_value", "leaf_count"), strings.Repeat("9", n))
	}
}

// moveLines drops, repeats or swaps lines.
func moveLines(a *artefact, rng *rand.Rand) {
	lines := strings.SplitAfter(string(a.model), "\n")
	i, j := rng.IntN(len(lines)), rng.IntN(len(lines))
	switch rng.IntN(3) {
	case 0:
		lines[i] = ""
	case 1:
		lines[i] += lines[i]
	default:
		lines[i], lines[j] = lines[j], lines[i]
	}
	a.model = resized(strings.Join(lines, ""))
}

// manifestLies changes one fact.
func manifestLies(a *artefact, rng *rand.Rand) {
	facts := []string{
		"schema_version", "role", "version", "features", "trees", "leaves", "calibration", "thresholds", "files",
		"feature_set", "training", "evaluation", "name", "golden_covers_splits", "surprise",
	}
	values := []any{
		nil, -1, 0, 1, 13, 1e300, "", "receiver", "../..", []any{}, map[string]any{}, true, []any{"a", "b"},
		map[string]any{"type": "platt", "a": rng.NormFloat64(), "b": rng.NormFloat64()},
		map[string]any{"type": "sigmoid", "a": 1, "b": rng.NormFloat64()},
	}
	fact, value := facts[rng.IntN(len(facts))], values[rng.IntN(len(values))]
	a.manifest = func(m map[string]any) { m[fact] = value }
}

// goldenLies changes one value of golden.json.
func goldenLies(a *artefact, rng *rand.Rand) {
	var g map[string]any
	if err := json.Unmarshal(a.golden, &g); err != nil {
		return
	}
	value := []any{nil, "inf", 0.0, 1.0, -1e300, rng.NormFloat64()}[rng.IntN(6)]
	switch key := oneOf(rng, "vectors", "contributions", "raw", "probability", "features"); key {
	case "vectors", "contributions":
		row := g[key].([]any)
		cells := row[rng.IntN(len(row))].([]any)
		cells[rng.IntN(len(cells))] = value
	case "raw", "probability":
		list := g[key].([]any)
		list[rng.IntN(len(list))] = value
	default:
		g[key] = value
	}
	if data, err := json.Marshal(g); err == nil {
		a.golden = data
	}
}

// spoiled returns the sealed files of a damaged artefact.
func spoiled(tb testing.TB, sound fstest.MapFS, d damage, rng *rand.Rand) fstest.MapFS {
	tb.Helper()
	a := &artefact{model: bytes.Clone(sound[ModelFile].Data), golden: bytes.Clone(sound[GoldenFile].Data)}
	d.spoil(a, rng)
	fsys := fstest.MapFS{
		ModelFile: {Data: a.model}, GoldenFile: {Data: a.golden}, ManifestFile: {Data: sound[ManifestFile].Data},
	}
	seal(tb, fsys, a.manifest)
	if a.rawManifest != nil {
		fsys[ManifestFile].Data = a.rawManifest(bytes.Clone(fsys[ManifestFile].Data))
	}
	return fsys
}

// loadWithin loads in the time given; a panic or a hang is an error of its own.
func loadWithin(fsys fstest.MapFS, most time.Duration) (m *Model, refused, broken error) {
	type outcome struct {
		m               *Model
		refused, broken error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o.broken = fmt.Errorf("load panicked: %v", p)
			}
			done <- o
		}()
		o.m, o.refused = Load(fsys, DefaultLimits(), fixtureContract())
	}()
	select {
	case o := <-done:
		return o.m, o.refused, o.broken
	case <-time.After(most):
		return nil, nil, fmt.Errorf("load took more than %v", most)
	}
}

// TestCorpus spoils artefacts whose golden vectors cover every split, in every category, and allows two outcomes:
// refused, or every score and probability as before, on vectors that meet every split on both sides of its threshold
// and on random ones.
func TestCorpus(t *testing.T) {
	t.Parallel()
	const each, most = 24, 20 * time.Second
	for seed, name := range []string{"gbdt", "zero"} {
		sound := fixture(t, name)
		m, err := Load(sound, DefaultLimits(), fixtureContract())
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(uint64(seed), 9))
		rows := covering(t, forestOf(t, m), rng, 0)
		for range 300 {
			rows = append(rows, randomVector(rng))
		}
		for i, d := range damages() {
			t.Run(name+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				loaded := 0
				for k := range each {
					rng := rand.New(rand.NewPCG(uint64(seed*100+i), uint64(k)))
					got, refused, broken := loadWithin(spoiled(t, sound, d, rng), most)
					if broken != nil {
						t.Fatalf("artefact %d: %v", k, broken)
					}
					if refused != nil {
						wantOneSentence(t, refused)
					}
					if got != nil {
						loaded++
						wantSameScores(t, m, got, rows)
					}
				}
				if d.never && loaded > 0 {
					t.Errorf("%d of %d loaded", loaded, each)
				}
				t.Logf("%d of %d loaded, all with the right scores", loaded, each)
			})
		}
	}
}

// wantOneSentence holds a refusal to what a person reads in a terminal or a log line. A panic that Load turned into a
// refusal is none: this package's readers see whatever is wrong before anything can panic, leaves included.
func wantOneSentence(t *testing.T, refused error) {
	t.Helper()
	text := refused.Error()
	if len(text) > 240 || strings.ContainsAny(text, "\n\r\x00") || !strings.HasPrefix(text, loadOp+": ") || strings.Contains(text, "%!") ||
		strings.Contains(text, "panicked") {
		t.Errorf("refused with %q, which is no sentence", text)
	}
}

func wantSameScores(t *testing.T, sound, spoilt *Model, rows [][]float64) {
	t.Helper()
	// A leaf that is off by the whole tolerance may come out a rounding further off on another vector.
	const most = tolerance + 1e-14
	for _, v := range rows {
		raw, p, err := sound.Score(v)
		if err != nil {
			t.Fatal(err)
		}
		gotRaw, gotP, err := spoilt.Score(v)
		if err != nil || !within(gotRaw, raw, most) || !within(gotP, p, most) {
			t.Fatalf("a spoilt model loaded and scores %v, %v; sound %v, %v (%v) for %v", gotRaw, gotP, raw, p, err, v)
		}
	}
}
