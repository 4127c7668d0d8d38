package score

import (
	"encoding/json"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// learnt is a shipped payer model's reference, and what its file says of each place of the vector.
type learnt struct {
	reference *scoring.Reference
	spreads   map[int]spreadOf
}

type spreadOf struct {
	Name          string
	Edges, Shares []float64
}

func shippedReference(t *testing.T) learnt {
	t.Helper()
	artefact, err := modelstore.FromFS(models.Shipped()).Load(t.Context(), pix.PayerRole)
	if err != nil {
		t.Fatal(err)
	}
	m, err := scoring.Load(artefact, scoring.DefaultLimits(), scoring.Contract{Role: pix.PayerRole, FeatureNames: feature.Names()})
	if err != nil {
		t.Fatal(err)
	}
	data, err := fs.ReadFile(artefact, scoring.ReferenceFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Features []spreadOf }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	l := learnt{m.Reference(), map[int]spreadOf{}}
	for _, f := range file.Features {
		l.spreads[slices.Index(feature.Names(), f.Name)] = f
	}
	return l
}

// draw makes a vector as those that were learnt from, feature by feature.
func (l learnt) draw(rng *rand.Rand) []float64 {
	v := make([]float64, feature.Width())
	for place, s := range l.spreads {
		at, bin := rng.Float64(), 0
		for bin < len(s.Shares)-1 && at >= s.Shares[bin] {
			at -= s.Shares[bin]
			bin++
		}
		switch {
		case bin == len(s.Shares)-1:
			v[place] = math.NaN()
		case bin < len(s.Edges):
			v[place] = s.Edges[bin]
		case len(s.Edges) > 0:
			v[place] = s.Edges[len(s.Edges)-1] + 1
		}
	}
	return v
}

// indices are what a registry tells of drift, by family.
func indices(t *testing.T, r *prometheus.Registry) (psi map[string]float64, vectors float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	psi = map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "pix_feature_psi":
				psi[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			case "pix_feature_psi_vectors":
				vectors = m.GetGauge().GetValue()
			}
		}
	}
	return psi, vectors
}

// TestDriftOfServedFeatures: vectors as those that were learnt from have no index above 0.1 in any family; where the features of
// one family go missing, that family's is above 0.25 and no other's rises. Few vectors are not judged, those of yesterday and of
// another champion not counted, and without a reference nothing is told.
func TestDriftOfServedFeatures(t *testing.T) {
	t.Parallel()
	l, rng := shippedReference(t), rand.New(rand.NewPCG(3, 4))
	now, reference := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), l.reference
	o, registry := watching(t, func(role pix.Role) *scoring.Reference {
		if role == pix.PayerRole {
			return reference
		}
		return nil
	}, func() time.Time { return now })
	serve := func(n int, shift func([]float64)) {
		for range n {
			d := &pix.Decision{Transaction: pix.Transaction{Facts: pix.Facts{Direction: pix.Internal}}, Vector: l.draw(rng)}
			shift(d.Vector)
			o.decided(d, false, time.Time{}, now)
		}
	}
	as, definitions := func([]float64) {}, feature.Definitions()

	serve(driftEvery*(driftLeast-1), as)
	if psi, vectors := indices(t, registry); len(psi) > 0 || vectors != driftLeast-1 {
		t.Errorf("%v vectors are judged: %v", vectors, psi)
	}
	serve(driftEvery*driftLeast, as)
	alike, vectors := indices(t, registry)
	if vectors != 2*driftLeast-1 || len(alike) < 10 {
		t.Fatalf("%v vectors, families %v", vectors, slices.Sorted(maps.Keys(alike)))
	}
	for family, psi := range alike {
		if psi > 0.1 {
			t.Errorf("%s: %v of vectors that are alike", family, psi)
		}
	}
	now = now.Add(driftHours * time.Hour)
	if psi, vectors := indices(t, registry); len(psi) > 0 || vectors != 0 {
		t.Errorf("a day later %v vectors are judged: %v", vectors, psi)
	}
	const gone = "velocity"
	serve(driftEvery*driftLeast, func(v []float64) {
		for i := range v {
			if definitions[i].Family == gone {
				v[i] = math.NaN()
			}
		}
	})
	shifted, _ := indices(t, registry)
	for family, psi := range shifted {
		if (psi > 0.25) != (family == gone) || family != gone && psi > 0.1 {
			t.Errorf("%s: %v where %s is missing", family, psi, gone)
		}
	}
	if shifted[gone] == 0 {
		t.Errorf("%s is not told", gone)
	}
	reference = shippedReference(t).reference // another champion
	serve(driftEvery, as)
	if psi, vectors := indices(t, registry); len(psi) > 0 || vectors != 1 {
		t.Errorf("after a swap %v vectors are judged: %v", vectors, psi)
	}
	reference = nil
	serve(driftEvery, as)
	if got := told(t, registry, "pix_feature_psi"); len(got) > 0 {
		t.Errorf("without a reference: %v", got)
	}
}

// BenchmarkObserve is what looking at a decision costs it.
func BenchmarkObserve(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	vector := make([]float64, feature.Width())
	for i := range vector {
		vector[i] = rng.Float64()
	}
	d := &pix.Decision{
		Transaction: pix.Transaction{Facts: pix.Facts{Direction: pix.Internal}}, Vector: vector, Outcome: pix.Approve, DecidedAt: time.Now(),
		Scores:   []pix.Score{{Role: pix.PayerRole, Probability: 0.001}, {Role: pix.ReceiverRole, Probability: 0.001}},
		RuleHits: []pix.RuleHit{{ID: "a"}, {ID: "b"}},
	}
	artefact, err := modelstore.FromFS(models.Shipped()).Load(b.Context(), pix.PayerRole)
	if err != nil {
		b.Fatal(err)
	}
	m, err := scoring.Load(artefact, scoring.DefaultLimits(), scoring.Contract{Role: pix.PayerRole, FeatureNames: feature.Names()})
	if err != nil {
		b.Fatal(err)
	}
	o, err := newObserver(prometheus.NewRegistry(), func(pix.Role) *scoring.Reference { return m.Reference() }, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		o.decided(d, false, now, now)
	}
}
