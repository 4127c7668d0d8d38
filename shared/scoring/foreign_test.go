package scoring

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestStrangersAreNamed puts what has been found in the place of an artefact's files there, with its hash stated anew and
// with the old one: the refusal says what it is.
func TestStrangersAreNamed(t *testing.T) {
	t.Parallel()
	sound := fixture(t, "gbdt")
	text := string(sound[ModelFile].Data)
	for name, tc := range map[string]struct{ file, data, reason string }{
		"empty":            {ModelFile, "", "model.txt cannot be read: it is empty"},
		"blank":            {GoldenFile, " \n", "golden.json cannot be read: it is empty"},
		"error page":       {ModelFile, "<!DOCTYPE html><html><body>404", "it is HTML or XML, such as a page that reports an error"},
		"error of storage": {GoldenFile, "<?xml version='1.0'?><Error><Code>AccessDenied", "golden.json cannot be read: it is HTML or XML"},
		"pointer":          {ModelFile, "version https://git-lfs.github.com/spec/v1\noid sha256:00", "pointer of Git LFS"},
		"byte order mark":  {ModelFile, "\xef\xbb\xbf" + text, "byte order mark"},
		"the same of JSON": {GoldenFile, "\xef\xbb\xbf" + string(sound[GoldenFile].Data), "golden.json cannot be read: it begins with a byte order mark"},
		"UTF-16":           {ModelFile, "\xff\xfet\x00r\x00e\x00e\x00", "UTF-16"},
		"CRLF":             {ModelFile, strings.ReplaceAll(text, "\n", "\r\n"), "carriage returns"},
		"blank first line": {ModelFile, "\n" + text, "begins with a blank line"},
		"gzip":             {ModelFile, "\x1f\x8b\x08\x00\x00", "compressed with gzip"},
		"zip":              {ModelFile, "PK\x03\x04\x14", "ZIP archive"},
		"pickle":           {ModelFile, "\x80\x04\x95\x9a\x02\x00lightgbm.sklearn\x94\x8c\x0eLGBMClassifier", "Python pickle"},
		"ONNX":             {ModelFile, "\x08\x08\x12\x08skl2onnx\x1a\x061.16.0\"\x07ai.onnx", "it is ONNX"},
		"XGBoost":          {ModelFile, `{"learner":{"attributes":{},"feature_names":[]}}`, "XGBoost"},
		"XGBoost binary":   {ModelFile, "binf\x00\x00\x00\x3f\x00", "it is binary"},
		"dump":             {ModelFile, `{"name":"tree","version":"v4","tree_info":[]}`, "not dump_model"},
		"other text":       {ModelFile, "booster[0]:\n0:[f1<0.5] yes=1,no=2", `first line is not "tree"`},
		"swapped":          {GoldenFile, text, "golden.json cannot be read: it is a LightGBM text model"},
		"manifest swapped": {ManifestFile, text, "manifest.json cannot be read: it is a LightGBM text model"},
		"manifest page":    {ManifestFile, "<html>", "manifest.json cannot be read: it is HTML or XML"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fixture(t, "gbdt")
			fsys[tc.file].Data = []byte(tc.data)
			wantRefused(t, fsys, DefaultLimits(), pix.Invalid, tc.reason)
			if tc.file != ManifestFile {
				seal(t, fsys, nil)
				wantRefused(t, fsys, DefaultLimits(), pix.Invalid, tc.reason)
			}
			_, err := Load(fsys, DefaultLimits(), fixtureContract())
			wantOneSentence(t, err)
		})
	}
}

// TestReasonsAreTrue: what is wrong with a file is what the refusal says, in one sentence of bounded length.
func TestReasonsAreTrue(t *testing.T) {
	t.Parallel()
	model := func(from, to string) func(fstest.MapFS) {
		return func(fsys fstest.MapFS) {
			fsys[ModelFile].Data = bytes.Replace(fsys[ModelFile].Data, []byte(from), []byte(to), 1)
		}
	}
	line := func(key string) func(fstest.MapFS) { // takes the first line of a key away
		return func(fsys fstest.MapFS) {
			before, rest, _ := bytes.Cut(fsys[ModelFile].Data, []byte("\n"+key+"="))
			_, after, _ := bytes.Cut(rest, []byte("\n"))
			fsys[ModelFile].Data = append(append(bytes.Clone(before), '\n'), after...)
			if key != "tree_sizes" {
				fsys[ModelFile].Data = resized(string(fsys[ModelFile].Data))
			}
		}
	}
	golden := func(from, to string) func(fstest.MapFS) {
		return func(fsys fstest.MapFS) {
			fsys[GoldenFile].Data = bytes.Replace(fsys[GoldenFile].Data, []byte(from), []byte(to), 1)
		}
	}
	for name, tc := range map[string]struct {
		change func(fstest.MapFS)
		reason string
	}{
		"decimal comma": {func(fsys fstest.MapFS) {
			a := &artefact{model: fsys[ModelFile].Data}
			a.editAt(1, 0, "threshold", func(string) string { return "0,5" })
			fsys[ModelFile].Data = a.model
		}, `tree 0: threshold: "0,5" is no number: it has a decimal comma`},
		"tree size":         {model("tree_sizes=1", "tree_sizes=2"), "the text was changed after LightGBM wrote it"},
		"no tree sizes":     {line("tree_sizes"), "header of model.txt: there is no line tree_sizes="},
		"no names":          {line("feature_names"), "header of model.txt: there is no line feature_names="},
		"no thresholds":     {line("threshold"), "tree 0: there is no line threshold="},
		"no leaf values":    {line("leaf_value"), "tree 0: there is no line leaf_value="},
		"no objective":      {line("objective"), "there is no line objective="},
		"no parameters":     {model("parameters:", "end of parameters"), "do not say how it was boosted"},
		"NaN":               {golden(`"raw":[`, `"raw":[NaN,`), "JSON knows no NaN; the exporter writes NaN as null"},
		"infinity":          {golden(`"raw":[`, `"raw":[Infinity,`), "JSON knows no Infinity"},
		"minus infinity":    {golden(`"raw":[`, `"raw":[-Infinity,`), "JSON knows no Infinity"},
		"golden of another": {func(fsys fstest.MapFS) { fsys[GoldenFile] = fixture(t, "dart")[GoldenFile] }, "golden.json is of another model, or model.txt was changed"},
		"unknown in golden": {golden(`"raw":[`, `"`+strings.Repeat("x", 1<<20)+`":1,"raw":[`), "unknown field"},
		"long name":         {model("label_index=0", strings.Repeat("y", 1<<20)+"=0"), "unknown line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fixture(t, "gbdt")
			tc.change(fsys)
			seal(t, fsys, nil)
			wantRefused(t, fsys, DefaultLimits(), pix.Invalid, tc.reason)
			_, err := Load(fsys, DefaultLimits(), fixtureContract())
			if len(err.Error()) > maxReason+100 {
				t.Errorf("a refusal of %d bytes", len(err.Error()))
			}
		})
	}
}

// TestManifestIsExact: a field that is missing, null, there twice or spelt otherwise is not read as something.
func TestManifestIsExact(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ from, to, reason string }{
		"missing":        {`"seed":`, `"lineage":{},"x":`, `unknown field "x"`},
		"null":           {`"seed":`, `"seed":null,"trees":`, "has null for seed"},
		"twice":          {`"seed":`, `"role":"payer","seed":`, "has role twice"},
		"another case":   {`"role":`, `"ROLE":`, `has an unknown field "ROLE"`},
		"NaN":            {`"auc":`, `"auc":NaN,"x":`, "JSON knows no NaN"},
		"null in a list": {`"lineage":{`, `"lineage":{"a":null`, "has null for lineage.a"},
		"unknown":        {`"seed":`, `"` + strings.Repeat("k", 900_000) + `":1,"seed":`, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fixture(t, "gbdt")
			var compact bytes.Buffer
			if err := json.Compact(&compact, fsys[ManifestFile].Data); err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(compact.String(), tc.from, tc.to, 1)
			if text == compact.String() {
				t.Fatal("the edit changed nothing")
			}
			fsys[ManifestFile].Data = []byte(text)
			wantRefused(t, fsys, DefaultLimits(), pix.Invalid, tc.reason)
			if _, err := Load(fsys, DefaultLimits(), fixtureContract()); len(err.Error()) > maxReason+100 {
				t.Errorf("a refusal of %d bytes", len(err.Error()))
			}
		})
	}
}
