package feature

import (
	"crypto/sha256"
	"encoding/hex"
)

// Definition describes one feature.
type Definition struct {
	Name     string `json:"name"`
	Family   string `json:"family"`
	Entity   string `json:"entity"`            // payer, payee, pair, device or payment
	Window   string `json:"window,omitempty"`  // 1m, 10m, 1h, 24h, 7d or 30d; empty when it has none
	Unit     string `json:"unit"`              // one of the Unit constants
	Missing  string `json:"missing,omitempty"` // when it is NaN; empty when never
	Doc      string `json:"doc"`
	Source   string `json:"source"`
	ReasonPT string `json:"reason_pt"` // see Reason for the placeholders
	ReasonEN string `json:"reason_en"`
}

// Units of features. They decide how Reason writes a value.
const (
	UnitBRL     = "brl"     // reais
	UnitCount   = "count"   // whole number
	UnitRatio   = "ratio"   // 1 is equal
	UnitShare   = "share"   // 1 is all
	UnitScore   = "score"   // standard deviations
	UnitFlag    = "flag"    // 0 or 1
	UnitCode    = "code"    // a number that stands for a word or a calendar position
	UnitMinutes = "minutes" // fractions allowed, as in the units below
	UnitSeconds = "seconds"
	UnitHours   = "hours"
	UnitDays    = "days"
	UnitKM      = "km"
)

// entry is one feature: its description and the function that computes it.
type entry struct {
	Definition
	value func(*frame) float64
}

// revision changes when the meaning of all names changes at once: every model of another is refused. Of one feature the
// meaning never changes: what means something else takes another name.
const revision = "2"

// registry lists every feature, in the order of the vector. New features go to the end of their family.
func registry() []entry {
	var all []entry
	for _, family := range [][]entry{
		payerVelocity(), payeeVelocity(), deviceVelocity(), settlements(), amounts(), amountsToOwn(), pairs(), firstEver(),
		payerFlows(), payeeFlows(), structuring(), fraudMarks(), fraudShares(), ages(), devices(), deviceUse(), sessions(), calendar(), initiations(),
		keys(), dictCounters(), dictMarkers(), dictLong(), mandates(),
	} {
		all = append(all, family...)
	}
	return all
}

// Definitions returns the registry, in the order of the vector.
func Definitions() []Definition {
	entries := registry()
	out := make([]Definition, len(entries))
	for i := range entries {
		out[i] = entries[i].Definition
	}
	return out
}

// Names returns the names of the features, in the order of the vector.
func Names() []string {
	entries := registry()
	out := make([]string, len(entries))
	for i := range entries {
		out[i] = entries[i].Name
	}
	return out
}

// Width is the length of a vector.
func Width() int { return len(registry()) }

// SetVersion identifies the list of features: it changes with any name, the order, or the revision.
func SetVersion() string {
	h := sha256.New()
	for _, n := range Names() {
		h.Write([]byte(n + "\n"))
	}
	return revision + "-" + hex.EncodeToString(h.Sum(nil))[:12]
}
