package feature

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zone must exist in a container without one

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Zone is where nights and days of a payment are.
const Zone = "America/Sao_Paulo"

// Definition describes one feature.
type Definition struct {
	Name     string // snake_case, unit or window last
	Family   string
	Entity   string // payer, payee, device, pair, payment
	Window   string // 1m, 10m, 1h, 24h, 7d, 30d; empty when it has none
	Unit     string // count, brl, ratio, hours, seconds, flag, code, score
	Missing  string // when it is NaN
	Doc      string // one sentence
	Source   string // where the raw fact comes from
	ReasonPT string // what a person reads when it speaks for fraud; see Reason for the placeholders
	ReasonEN string
}

// Set computes vectors. It never changes and is safe for concurrent use.
type Set struct {
	zone *time.Location
}

// NewSet loads the zone and prepares the registry.
func NewSet() (*Set, error) {
	zone, err := time.LoadLocation(Zone)
	if err != nil {
		return nil, fmt.Errorf("feature: load zone: %w", err)
	}
	return &Set{zone: zone}, nil
}

// Vector appends the payment's vector to dst[:0] and returns it: Width values in the order of Names. A nil h means that
// the store did not answer: every feature that needs it is NaN. h is not changed.
func (s *Set) Vector(dst []float64, tx *pix.Transaction, h *Histories) []float64 {
	panic("not yet")
}

// Definitions returns the registry, in the order of the vector.
func Definitions() []Definition { return nil }

// Names returns the names of the features, in the order of the vector.
func Names() []string { return nil }

// Width is the length of a vector.
func Width() int { return 0 }

// SetVersion identifies the list of features: it changes whenever a name or the order does.
func SetVersion() string { return "" }

// Reason puts a feature's value in words. The text never holds a token or a raw value.
func Reason(name string, tx *pix.Transaction, value float64) pix.Reason {
	return pix.Reason{Code: name, TextPT: name, TextEN: name}
}
