package scoring

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// seal rewrites the manifest with the hashes of the other two files as they are now, after an optional edit: what a
// careless or hostile hand would do.
func seal(tb testing.TB, fsys fstest.MapFS, edit func(map[string]any)) {
	tb.Helper()
	var m map[string]any
	if err := json.Unmarshal(fsys[ManifestFile].Data, &m); err != nil {
		tb.Fatal(err)
	}
	files := map[string]any{}
	for _, name := range []string{ModelFile, GoldenFile} {
		sum := sha256.Sum256(fsys[name].Data)
		files[name] = hex.EncodeToString(sum[:])
	}
	m["files"] = files
	if edit != nil {
		edit(m)
	}
	data, err := json.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	fsys[ManifestFile] = &fstest.MapFile{Data: data}
}

// wantRefused loads and checks that the refusal says why.
func wantRefused(t *testing.T, fsys fstest.MapFS, limits Limits, kind pix.Kind, reason string) {
	t.Helper()
	m, err := Load(fsys, limits, fixtureContract())
	if err == nil {
		t.Fatalf("loaded %s, want a refusal with %q", m.Version(), reason)
	}
	if got := pix.KindOf(err); got != kind {
		t.Errorf("kind is %v, want %v: %v", got, kind, err)
	}
	if !strings.Contains(err.Error(), reason) {
		t.Errorf("refused with %q, want a reason with %q", err, reason)
	}
	if m != nil {
		t.Error("a refused model was returned")
	}
}

func TestLoadRefusesOtherKinds(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]string{
		"forest":      "random forest",
		"linear":      "linear tree",
		"multiclass":  "more than one output",
		"categorical": "categorical splits",
		"sigmoid2":    "objective",
		"regression":  "objective",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, fixture(t, name), DefaultLimits(), pix.Invalid, reason)
		})
	}
}

// TestLoadRefusesText edits model.txt and states the new hash, so that only the reader can notice.
func TestLoadRefusesText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ old, new, reason string }{
		"not a model":       {"tree\n", "bush\n", `first line is not "tree"`},
		"version":           {"version=v4", "version=v5", "text version"},
		"averaging":         {"objective=", "average_output\nobjective=", "random forest"},
		"boosting":          {"[boosting: gbdt]", "[boosting: rf]", "boosting is"},
		"linear parameter":  {"[linear_tree: 0]", "[linear_tree: 1]", "linear trees"},
		"classes":           {"num_class=1", "num_class=2", "more than one output"},
		"sigmoid":           {"sigmoid:1", "sigmoid:2", "objective"},
		"width":             {"max_feature_idx=5", "max_feature_idx=6", "max_feature_idx"},
		"swapped features":  {"amount_brl hour", "hour amount_brl", "feature 0 is"},
		"unknown header":    {"label_index=0", "label_index=0\nsurprise=1", "unknown line"},
		"twice":             {"label_index=0", "label_index=0\nlabel_index=0", "twice"},
		"tree size":         {"tree_sizes=1", "tree_sizes=2", "tree_sizes says"},
		"tree size garbage": {"tree_sizes=", "tree_sizes=x ", "no 32-bit integer"},
		"missing end":       {"end of trees", "end of bushes", "unknown line"},
		"missing params":    {"end of parameters", "", "truncated"},
		"carriage returns":  {"\n", "\r\n", "carriage returns"},
		"tree numbering":    {"Tree=1\n", "Tree=7\n", "does not follow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fixture(t, "gbdt")
			text := strings.ReplaceAll(string(fsys[ModelFile].Data), tc.old, tc.new)
			if text == string(fsys[ModelFile].Data) {
				t.Fatal("the edit changed nothing")
			}
			fsys[ModelFile].Data = []byte(text)
			seal(t, fsys, nil)
			wantRefused(t, fsys, DefaultLimits(), pix.Invalid, tc.reason)
		})
	}
}

// TestLoadRefusesTrees changes one entry of one array of the first tree and pads the tree to its stated size, so that
// the frame stays sound.
func TestLoadRefusesTrees(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		key    string
		index  int
		value  string
		reason string
	}{
		"root as child":      {"left_child", 0, "0", "two parents"},
		"cycle":              {"right_child", 2, "1", "two parents"},
		"child beyond":       {"left_child", 0, "99", "split 99"},
		"leaf beyond":        {"left_child", 3, "-99", "leaf 98"},
		"leaf twice":         {"right_child", 3, "-1", "two parents"},
		"feature beyond":     {"split_feature", 0, "6", "feature 6 of 6"},
		"feature negative":   {"split_feature", 0, "-1", "feature -1"},
		"threshold NaN":      {"threshold", 0, "nan", "threshold of split 0 is NaN"},
		"threshold word":     {"threshold", 0, "many", `threshold: "many" is no number`},
		"threshold overflow": {"threshold", 0, "1e999", "is no number"},
		"threshold moved":    {"threshold", 0, "1e9", "LightGBM"},
		"leaf infinite":      {"leaf_value", 0, "inf", "not finite"},
		"leaf NaN":           {"leaf_value", 0, "nan", "not finite"},
		"leaf moved":         {"leaf_value", 0, "0.5", "LightGBM"},
		"leaf huge":          {"leaf_value", 0, "1.7e308", "LightGBM"},
		"missing kind":       {"decision_type", 0, "14", "unknown"},
		"categorical":        {"decision_type", 0, "1", "categorical"},
		"default side":       {"decision_type", 0, "8", "LightGBM"},
		"counts":             {"leaf_count", 0, "1", "rows, its children"},
		"zero count":         {"leaf_count", 0, "0", "rows, its children"},
		"short list":         {"left_child", 0, "", "no 32-bit integer"},
		"leaves":             {"num_leaves", 0, "5", "at most 5 fit"},
		"no leaves":          {"num_leaves", 0, "0", "num_leaves"},
		"categories":         {"num_cat", 0, "1", "categorical"},
		"linear":             {"is_linear", 0, "1", "linear"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fixture(t, "gbdt")
			fsys[ModelFile].Data = editTree(t, fsys[ModelFile].Data, tc.key, tc.index, tc.value)
			seal(t, fsys, nil)
			wantRefused(t, fsys, DefaultLimits(), pix.Invalid, tc.reason)
		})
	}
}

// editTree sets one entry of an array of tree 0 and corrects tree_sizes.
func editTree(tb testing.TB, text []byte, key string, index int, value string) []byte {
	tb.Helper()
	before, rest, ok1 := strings.Cut(string(text), "\nTree=0\n")
	tree, after, ok2 := strings.Cut(rest, "\nTree=1\n")
	head, line, ok3 := strings.Cut(tree, "\n"+key+"=")
	if !ok1 || !ok2 {
		tb.Fatal("no trees")
	}
	if !ok3 { // the first line of the tree
		head, line = "", strings.TrimPrefix(tree, key+"=")
	}
	line, tail, _ := strings.Cut(line, "\n")
	fields := strings.Split(line, " ")
	fields[index] = value
	edited := head + "\n" + key + "=" + strings.Join(fields, " ") + "\n" + tail
	if !ok3 {
		edited = strings.TrimPrefix(edited, "\n")
	}
	sizes := strings.Split(strings.SplitN(strings.SplitN(before, "tree_sizes=", 2)[1], "\n", 2)[0], " ")
	oldSize, newSize := "tree_sizes="+sizes[0], "tree_sizes="+itoa(len("Tree=0\n")+len(edited)+1)
	return []byte(strings.Replace(before, oldSize, newSize, 1) + "\nTree=0\n" + edited + "\nTree=1\n" + after)
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestLoadRefusesManifest(t *testing.T) {
	t.Parallel()
	set := func(path string, value any) func(map[string]any) {
		return func(m map[string]any) {
			steps := strings.Split(path, "/")
			for _, s := range steps[:len(steps)-1] {
				m = m[s].(map[string]any)
			}
			m[steps[len(steps)-1]] = value
		}
	}
	for name, tc := range map[string]struct {
		edit   func(map[string]any)
		reason string
	}{
		"schema":           {set("schema_version", 2), "schema 2"},
		"role":             {set("role", "receiver"), "role is"},
		"version path":     {set("version", "../1"), "path step"},
		"version empty":    {set("version", ""), "path step"},
		"unknown field":    {set("surprise", 1), "unknown field"},
		"wrong type":       {set("trees", "12"), "decode manifest.json"},
		"trained never":    {set("trained_at", "0001-01-01T00:00:00Z"), "trained_at"},
		"feature set":      {set("feature_set", "other"), "feature set"},
		"features fewer":   {set("features", fixtureFeatures()[:5]), "5 features"},
		"features none":    {set("features", []string{}), "0 features"},
		"features swapped": {set("features", append(fixtureFeatures()[4:], fixtureFeatures()[:4]...)), `feature "amount_brl" stands elsewhere`},
		"trees":            {set("trees", 11), "12 trees"},
		"leaves":           {set("leaves", 1), "leaves"},
		"model hash":       {set("files/model.txt", strings.Repeat("0", 64)), "sha256 of model.txt"},
		"golden hash":      {set("files/golden.json", ""), "sha256 of golden.json"},
		"no frauds":        {set("training/positives", 0), "training slice"},
		"future":           {set("training/to", "2026-01-12T00:00:00Z"), "begins before"},
		"backwards":        {set("evaluation/to", "2026-01-01T00:00:00Z"), "evaluation slice"},
		"auc":              {set("evaluation/auc", 1.5), "auc"},
		"calibration kind": {set("calibration/type", "beta"), "unknown"},
		"falling":          {set("calibration", map[string]any{"type": "platt", "a": -1, "b": 0}), "rising"},
		"identity lies":    {set("calibration/b", 1), "sigmoid"},
		"other platt":      {set("calibration", map[string]any{"type": "platt", "a": 1, "b": 0.1}), "threshold 0"},
		"platt unproved": {func(m map[string]any) {
			m["thresholds"] = []any{}
			m["calibration"] = map[string]any{"type": "platt", "a": 1, "b": 0.1}
		}, "probability"},
		"thresholds": {set("thresholds", []any{map[string]any{"fpr": 2, "raw": 0, "probability": 0.5, "recall": 0, "precision": 0}}), "out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fixture(t, "gbdt")
			seal(t, fsys, tc.edit)
			wantRefused(t, fsys, DefaultLimits(), pix.Invalid, tc.reason)
		})
	}
}

func TestLoadRefusesGolden(t *testing.T) {
	t.Parallel()
	first := func(v any) []any { return v.([]any)[0].([]any) }
	for name, tc := range map[string]struct {
		edit   func(map[string]any)
		reason string
	}{
		"schema":               {func(g map[string]any) { g["schema_version"] = 9 }, "schema 9"},
		"unknown":              {func(g map[string]any) { g["surprise"] = 9 }, "unknown field"},
		"width":                {func(g map[string]any) { g["features"] = 7 }, "7 features"},
		"few":                  {func(g map[string]any) { g["vectors"] = g["vectors"].([]any)[:999] }, "999 golden vectors"},
		"fewer scores":         {func(g map[string]any) { g["raw"] = g["raw"].([]any)[:999] }, "999 scores"},
		"short vector":         {func(g map[string]any) { g["vectors"].([]any)[0] = first(g["vectors"])[:5] }, "has 5 values"},
		"score":                {func(g map[string]any) { g["raw"].([]any)[999] = 0.25 }, "golden vector 999"},
		"score NaN":            {func(g map[string]any) { g["raw"].([]any)[500] = nil }, "golden vector 500"},
		"score text":           {func(g map[string]any) { g["raw"].([]any)[500] = "high" }, "no number"},
		"probability":          {func(g map[string]any) { g["probability"].([]any)[3] = 0.5 }, "probability"},
		"contribution":         {func(g map[string]any) { first(g["contributions"])[0] = 0.5 }, "feature 0 contributes"},
		"expected value":       {func(g map[string]any) { first(g["contributions"])[6] = 0.5 }, "expected value"},
		"few contributions":    {func(g map[string]any) { g["contributions"] = []any{} }, "0 golden vectors carry"},
		"narrow contributions": {func(g map[string]any) { g["contributions"].([]any)[0] = []any{} }, "contributions 0 have 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fixture(t, "gbdt")
			var g map[string]any
			if err := json.Unmarshal(fsys[GoldenFile].Data, &g); err != nil {
				t.Fatal(err)
			}
			tc.edit(g)
			data, err := json.Marshal(g)
			if err != nil {
				t.Fatal(err)
			}
			fsys[GoldenFile].Data = data
			seal(t, fsys, nil)
			wantRefused(t, fsys, DefaultLimits(), pix.Invalid, tc.reason)
		})
	}
}

func TestLoadRefusesFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{ModelFile, ManifestFile, GoldenFile} {
		missing := fixture(t, "gbdt")
		delete(missing, name)
		wantRefused(t, missing, DefaultLimits(), pix.Invalid, name+" is missing")

		empty := fixture(t, "gbdt")
		empty[name].Data = nil
		wantRefused(t, empty, DefaultLimits(), pix.Invalid, name)

		longer := fixture(t, "gbdt")
		longer[name].Data = append(longer[name].Data, "\n{}"...)
		wantRefused(t, longer, DefaultLimits(), pix.Invalid, name)
	}
}

func TestLoadRefusesAboveLimits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Limits)
		kind   pix.Kind
		reason string
	}{
		"model":     {func(l *Limits) { l.ModelBytes = 100 }, pix.TooLarge, "model.txt is larger"},
		"manifest":  {func(l *Limits) { l.ManifestBytes = 100 }, pix.TooLarge, "manifest.json is larger"},
		"golden":    {func(l *Limits) { l.GoldenBytes = 100 }, pix.TooLarge, "golden.json is larger"},
		"trees":     {func(l *Limits) { l.Trees = 11 }, pix.TooLarge, "12 trees"},
		"leaves":    {func(l *Limits) { l.Leaves = 11 }, pix.TooLarge, "limit of 11"},
		"depth":     {func(l *Limits) { l.Depth = 2 }, pix.TooLarge, "deeper than"},
		"features":  {func(l *Limits) { l.Features = 5 }, pix.TooLarge, "limit of 5"},
		"explained": {func(l *Limits) { l.Contributions = 39 }, pix.TooLarge, "contributions of 40"},
		"steps":     {func(l *Limits) { l.ProofSteps = 100_000 }, pix.TooLarge, "the proof takes"},
		"rows":      {func(l *Limits) { l.MaxGoldenRows = 999 }, pix.TooLarge, "golden vectors"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := DefaultLimits()
			tc.change(&limits)
			wantRefused(t, fixture(t, "gbdt"), limits, tc.kind, tc.reason)
		})
	}
}

// TestLoadRefusesAnotherFeatureList has an artefact that is sound in itself, for another list than the scorer computes.
func TestLoadRefusesAnotherFeatureList(t *testing.T) {
	t.Parallel()
	names := fixtureFeatures()
	names[1], names[2] = names[2], names[1]
	fsys := fixture(t, "gbdt")
	text := strings.ReplaceAll(string(fsys[ModelFile].Data), strings.Join(fixtureFeatures(), " "), strings.Join(names, " "))
	fsys[ModelFile].Data = []byte(text)
	seal(t, fsys, func(m map[string]any) { m["features"] = names })
	wantRefused(t, fsys, DefaultLimits(), pix.Invalid, `feature "hour" stands elsewhere in the contract`)
}

// TestLargeScoresAreProvedToo: the tolerance of a large score is a share of it, and no more than 1e-12.
func TestLargeScoresAreProvedToo(t *testing.T) {
	t.Parallel()
	fsys := fixture(t, "large")
	var g map[string]any
	if err := json.Unmarshal(fsys[GoldenFile].Data, &g); err != nil {
		t.Fatal(err)
	}
	raw := g["raw"].([]any)
	const beyond = 500 // the vectors that carry contributions, which tell too
	raw[beyond] = raw[beyond].(float64) * (1 + 2e-12)
	data, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	fsys[GoldenFile].Data = data
	seal(t, fsys, nil)
	wantRefused(t, fsys, DefaultLimits(), pix.Invalid, "golden vector 500")
}
