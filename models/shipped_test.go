package models

import (
	"encoding/json"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

func shipped(tb testing.TB, role pix.Role) (*scoring.Model, modelstore.Artefact, scoring.Contract) {
	tb.Helper()
	a, err := modelstore.FromFS(Shipped()).Load(tb.Context(), role)
	if err != nil {
		tb.Fatal(err)
	}
	contract := scoring.Contract{
		Role: role, FeatureNames: feature.Names(), FeatureSet: feature.SetVersion(), Version: a.Version,
	}
	m, err := scoring.Load(a, scoring.DefaultLimits(), contract)
	if err != nil {
		tb.Fatalf("%v\nafter a change of the feature list the shipped models must be trained again: make model", err)
	}
	return m, a, contract
}

// TestShippedModelsLoad is the release's promise: each role has a model that the scorer accepts.
func TestShippedModelsLoad(t *testing.T) {
	t.Parallel()
	for _, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		m, _, _ := shipped(t, role)
		e := m.Manifest().Evaluation
		if e.AUC > 0.9999 || e.AveragePrecision > 0.99 {
			t.Errorf("%s is too good to be honest: average precision %v, AUC %v", role, e.AveragePrecision, e.AUC)
		}
	}
}

// TestManifestSchemaIsTheReader holds contract/manifest.schema.json to the struct that the scorer decodes into.
func TestManifestSchemaIsTheReader(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("contract/manifest.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fieldsOf(reflect.TypeFor[scoring.Manifest]()), propertiesOf(schema)); diff != "" {
		t.Errorf("schema and scoring.Manifest differ (-Go +schema):\n%s", diff)
	}
}

// fieldsOf names the JSON fields of a struct, and theirs where they are structs of the scoring package.
func fieldsOf(t reflect.Type) map[string]any {
	out := map[string]any{}
	for f := range t.Fields() {
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		nested := inner.Kind() == reflect.Struct && inner.PkgPath() == t.PkgPath()
		switch {
		case f.Anonymous:
			for name, v := range fieldsOf(f.Type) {
				out[name] = v
			}
		case nested:
			out[name] = fieldsOf(inner)
		default:
			out[name] = nil
		}
	}
	return out
}

func propertiesOf(schema map[string]any) map[string]any {
	out := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	for name, p := range properties {
		property, _ := p.(map[string]any)
		if items, ok := property["items"].(map[string]any); ok {
			property = items
		}
		out[name] = nil
		if _, ok := property["properties"]; ok {
			out[name] = propertiesOf(property)
		}
	}
	return out
}

// vectors reads the golden vectors of a shipped model, each value where the contract has its feature.
func vectors(tb testing.TB, m *scoring.Model, a fs.FS) [][]float64 {
	tb.Helper()
	data, err := fs.ReadFile(a, scoring.GoldenFile)
	if err != nil {
		tb.Fatal(err)
	}
	var g struct {
		Vectors [][]any `json:"vectors"`
	}
	if err := json.Unmarshal(data, &g); err != nil {
		tb.Fatal(err)
	}
	places := map[string]int{}
	for i, name := range feature.Names() {
		places[name] = i
	}
	var out [][]float64
	for _, row := range g.Vectors {
		v, finite := make([]float64, len(places)), true
		for i, x := range row {
			f, ok := x.(float64)
			finite = finite && (ok || x == nil)
			v[places[m.Manifest().Features[i]]] = f
		}
		if finite { // missing values read as 0 here: only time is measured
			out = append(out, v)
		}
	}
	return out
}

func BenchmarkScore(b *testing.B) {
	m, a, _ := shipped(b, pix.PayerRole)
	rows := vectors(b, m, a)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := m.Score(rows[i%len(rows)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	m, a, _ := shipped(b, pix.PayerRole)
	rows := vectors(b, m, a)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := m.Explain(rows[i%len(rows)], 5); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	_, a, contract := shipped(b, pix.PayerRole)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scoring.Load(a, scoring.DefaultLimits(), contract); err != nil {
			b.Fatal(err)
		}
	}
}
