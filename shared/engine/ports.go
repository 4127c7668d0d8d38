package engine

import (
	"context"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// Store keeps event histories and decisions. Every method is idempotent. Errors carry a pix.Kind: Unavailable or
// Timeout when the store did not answer.
type Store interface {
	// Record writes the payment's own event to the rows of payer, payee, device and pair, and marks the payment as not
	// yet published, in one bulk write.
	Record(ctx context.Context, tx *pix.Transaction) error
	// Withdraw takes out of the histories what Record(tx) left there, because the standing payment has the same
	// EndToEndID: afterwards every vector is as if tx had never come. What tx overwrote of the standing payment is put
	// back, and statuses stay; the mark stays too, for it belongs to the id. It may cost reads.
	Withdraw(ctx context.Context, tx, standing *pix.Transaction) error
	// MarkStatus writes what became of a payment beside its events, in one bulk write. tx is the payment as it was
	// decided on.
	MarkStatus(ctx context.Context, tx *pix.Transaction, s *pix.Status) error
	// MarkFraud writes a report of fraud, or that there was none, to the rows of payer, payee and device, in one bulk
	// write. tx is the payment as it was decided on. Of one payment, the report that arrived last counts.
	MarkFraud(ctx context.Context, tx *pix.Transaction, l *pix.Label) error
	// Read returns what is known of payer, payee, device and pair, and the decision that already stands for this
	// EndToEndID (nil when none does), in one multi-row read. Histories include the payment's own event: feature
	// leaves it out.
	Read(ctx context.Context, tx *pix.Transaction) (feature.Histories, *pix.Decision, error)
	// Commit stores d unless a decision stands already, and returns the one that stands. A lost reply is resolved by
	// reading again, never assumed. Of an Unrecorded decision, which may come without what Record writes, it writes the
	// mark before: no decision stands without one, so that a sweep finds it.
	Commit(ctx context.Context, d *pix.Decision) (*pix.Decision, error)
	// Decision returns the decision that stands, nil when none does.
	Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error)
	Pending
}

// Marks is the part of a store that takes what became known of a payment after its decision. Both marks are idempotent
// and may come in any order.
type Marks interface {
	// Decision returns the decision that stands, nil when none does.
	Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error)
	// MarkStatus adds how the payment ended to its events.
	MarkStatus(ctx context.Context, tx *pix.Transaction, s *pix.Status) error
	// MarkFraud adds what a label says to the payment's payer, payee and device.
	MarkFraud(ctx context.Context, tx *pix.Transaction, l *pix.Label) error
}

// Model scores one vector. A Model never changes: a swap gives another Model.
type Model interface {
	Version() string
	// Score returns the log-odds and the probability. The vector is in the order of the feature list.
	Score(vector []float64) (raw, probability float64, err error)
	// Explain returns the top contributions to the raw score, largest absolute value first.
	Explain(vector []float64, top int) ([]pix.Contribution, error)
}

// Models gives the champion of a role. A decision asks once per role and uses what it got to its end, so that it names
// exactly one version even while a swap happens.
type Models interface {
	Model(role pix.Role) (Model, error)
}

// Challengers gives the models of a role that score in shadow: what they say is kept beside the decision and decides
// nothing. The champion is not among them.
type Challengers interface {
	Challengers(role pix.Role) []Model
}

// Policies gives the policy pack in force.
type Policies interface {
	Pack() *policy.Pack
}

// Publisher puts a decision on the bus and returns once the bus has acknowledged it.
type Publisher interface {
	PublishDecision(ctx context.Context, d *pix.Decision) error
}
