package score

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

const (
	driftEvery = 8    // of so many vectors of a role one is looked at
	driftHours = 24   // a day has all hours, whose payments differ
	driftLeast = 1000 // vectors, below which an index is noise
)

// drift holds served vectors against what each role's champion learnt from. Where the artefact does not say what that was, it
// tells nothing.
type drift struct {
	references References
	families   []string // by place in the vector
	now        func() time.Time
	windows    map[pix.Role]*driftWindow // one for each role; the map does not change

	psi, vectors *prometheus.Desc
}

// driftWindow is the last day of one role.
type driftWindow struct {
	seen atomic.Uint64

	mu        sync.Mutex
	reference *scoring.Reference // that the counters are of
	hours     [driftHours]driftHour
}

type driftHour struct {
	hour     int64
	vectors  uint32
	counters []uint32
}

func newDrift(references References, now func() time.Time) *drift {
	d := &drift{
		references: references, now: now, windows: map[pix.Role]*driftWindow{},
		psi: prometheus.NewDesc("pix_feature_psi", "The largest stability index of a family's features over a day, against what the champion "+
			"learnt from: below 0.1 alike, above 0.25 another world. Absent below 1000 vectors and where the model does not say.",
			[]string{"role", "family"}, nil),
		vectors: prometheus.NewDesc("pix_feature_psi_vectors", "Vectors that pix_feature_psi stands on, one in eight of the last day's.",
			[]string{"role"}, nil),
	}
	for _, definition := range feature.Definitions() {
		d.families = append(d.families, definition.Family)
	}
	for _, role := range pix.Internal.Roles() {
		d.windows[role] = &driftWindow{}
	}
	return d
}

// add looks at one decision's vector in eight. It waits for nobody: a vector that comes while another is counted is left out.
func (d *drift) add(decision *pix.Decision, now time.Time) {
	if d.references == nil || len(decision.Vector) != len(d.families) {
		return
	}
	for _, role := range decision.Transaction.Direction.Roles() {
		w := d.windows[role]
		if w.seen.Add(1)%driftEvery != 0 || !w.mu.TryLock() {
			continue
		}
		w.follow(d.references(role))
		w.count(decision.Vector, now)
		w.mu.Unlock()
	}
}

// follow begins anew when another champion serves. w.mu is held, as in what follows.
func (w *driftWindow) follow(reference *scoring.Reference) {
	if reference != w.reference {
		w.reference, w.hours = reference, [driftHours]driftHour{}
	}
}

func (w *driftWindow) count(vector []float64, now time.Time) {
	if w.reference == nil {
		return
	}
	hour := hourOf(now)
	at := &w.hours[hour%driftHours]
	if at.counters == nil {
		at.counters = make([]uint32, w.reference.Counters())
	}
	if at.hour != hour {
		at.hour, at.vectors = hour, 0
		clear(at.counters)
	}
	w.reference.Count(at.counters, vector)
	at.vectors++
}

// together adds up the hours of the last day.
func (w *driftWindow) together(now time.Time) (reference *scoring.Reference, counters []uint32, vectors uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reference == nil {
		return nil, nil, 0
	}
	counters = make([]uint32, w.reference.Counters())
	for i := range w.hours {
		at := &w.hours[i]
		if age := hourOf(now) - at.hour; at.vectors == 0 || age < 0 || age >= driftHours {
			continue
		}
		vectors += at.vectors
		for j, n := range at.counters {
			counters[j] += n
		}
	}
	return w.reference, counters, vectors
}

func hourOf(at time.Time) int64 { return at.Unix() / int64(time.Hour/time.Second) }

// Describe implements prometheus.Collector.
func (d *drift) Describe(to chan<- *prometheus.Desc) {
	to <- d.psi
	to <- d.vectors
}

// Collect implements prometheus.Collector.
func (d *drift) Collect(to chan<- prometheus.Metric) {
	for role, w := range d.windows {
		reference, counters, vectors := w.together(d.now())
		if reference == nil {
			continue
		}
		to <- prometheus.MustNewConstMetric(d.vectors, prometheus.GaugeValue, float64(vectors), string(role))
		if vectors < driftLeast {
			continue
		}
		most := map[string]float64{}
		reference.PSI(counters, float64(vectors), func(place int, psi float64) {
			family := d.families[place]
			most[family] = max(most[family], psi)
		})
		for family, psi := range most {
			to <- prometheus.MustNewConstMetric(d.psi, prometheus.GaugeValue, psi, string(role), family)
		}
	}
}
