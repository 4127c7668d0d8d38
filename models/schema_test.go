package models

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// violation is a change after which a manifest does not fit its schema any more.
type violation struct {
	name        string
	spoil, mend func()
}

// violations walks a schema beside a value that fits it and returns a violation of each rule that it meets.
func violations(schema map[string]any, path string, value any, set func(any)) (all []violation) {
	spoilTo := func(rule string, to any) {
		all = append(all, violation{path + " " + rule, func() { set(to) }, func() { set(value) }})
	}
	for _, rule := range slices.Sorted(maps.Keys(schema)) {
		limit := schema[rule]
		switch rule {
		case "type":
			spoilTo("type", map[string]any{"object": "x", "array": "x", "string": 7, "integer": 1.5, "number": "x"}[limit.(string)])
			spoilTo("null", nil)
		case "const", "enum":
			spoilTo(rule, "something else")
		case "pattern":
			spoilTo(rule, "../NO")
		case "format":
			spoilTo(rule, "yesterday")
		case "minimum", "exclusiveMinimum":
			spoilTo(rule, limit.(float64)-1)
		case "maximum":
			spoilTo(rule, limit.(float64)+1)
		case "minItems":
			spoilTo(rule, []any{})
		case "uniqueItems":
			list := value.([]any)
			spoilTo(rule, append([]any{list[0]}, list[:len(list)-1]...))
		case "additionalProperties":
			if inner, ok := limit.(map[string]any); ok {
				object := value.(map[string]any)
				for key, v := range object {
					all = append(all, violations(inner, path+"."+key, v, func(to any) { object[key] = to })...)
				}
			}
		case "items":
			list := value.([]any)
			all = append(all, violations(limit.(map[string]any), path+"[0]", list[0], func(to any) { list[0] = to })...)
		case "properties":
			all = append(all, ofObject(schema, path, value.(map[string]any))...)
		}
	}
	return all
}

// ofObject are violations of an object's fields, and one by a field too much and by each that is missing.
func ofObject(schema map[string]any, path string, object map[string]any) (all []violation) {
	properties := schema["properties"].(map[string]any)
	for key, inner := range properties {
		v := object[key]
		all = append(all, violations(inner.(map[string]any), path+"."+key, v, func(to any) { object[key] = to })...)
	}
	for _, key := range schema["required"].([]any) {
		v := object[key.(string)]
		all = append(all, violation{path + "." + key.(string) + " missing",
			func() { delete(object, key.(string)) }, func() { object[key.(string)] = v }})
	}
	if schema["additionalProperties"] == false {
		all = append(all, violation{path + " surprise", func() { object["surprise"] = 1 }, func() { delete(object, "surprise") }})
	}
	return all
}

// TestReaderRefusesWhatTheSchemaDoes breaks every rule of contract/manifest.schema.json, one at a time, in the manifest of a
// small artefact: the scorer refuses each, and takes the manifest as it is.
func TestReaderRefusesWhatTheSchemaDoes(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{}
	for _, name := range []string{scoring.ModelFile, scoring.ManifestFile, scoring.GoldenFile} {
		fsys[name] = &fstest.MapFile{Data: read(t, fixture+"/"+name)}
	}
	var schema, document map[string]any
	err := errors.Join(
		json.Unmarshal(read(t, "contract/manifest.schema.json"), &schema),
		json.Unmarshal(fsys[scoring.ManifestFile].Data, &document),
	)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range document["features"].([]any) {
		names = append(names, name.(string))
	}
	reference := fmt.Appendf(nil, `{"schema_version": 1, "rows": 9, "features": [{"name": %q, "edges": [0], "shares": [0.5, 0.5, 0]}]}`, names[0])
	fsys[scoring.ReferenceFile] = &fstest.MapFile{Data: reference}
	document["files"].(map[string]any)[scoring.ReferenceFile] = fmt.Sprintf("%x", sha256.Sum256(reference))
	contract := scoring.Contract{Role: pix.PayerRole, FeatureNames: names, FeatureSet: "fixture-1", Version: "single"}
	load := func() error {
		data, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		fsys[scoring.ManifestFile].Data = data
		_, err = scoring.Load(fsys, scoring.DefaultLimits(), contract)
		return err
	}
	broken := ofObject(schema, "", document)
	for _, v := range broken {
		if err := load(); err != nil {
			t.Fatalf("before %s: %v", v.name, err)
		}
		v.spoil()
		if load() == nil {
			t.Errorf("%s is taken", v.name)
		}
		v.mend()
	}
	if len(broken) < 150 {
		t.Errorf("only %d rules were broken", len(broken))
	}
}

const fixture = "../shared/scoring/testdata/single"

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
