package engine

import (
	"context"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Pending is the part of a store that knows which payments were recorded and are not known to be published. Each has a
// mark, which Store.Record writes. Marks lie by the minute of their payment's event time, so that a decision tells where
// its mark is, a redelivery marks the same place again, and a sweep need not walk where marks once were.
type Pending interface {
	// OpenMinutes lists at most limit minutes later than the given one that may hold marks, in order of time. A minute that
	// holds a mark is among them.
	OpenMinutes(ctx context.Context, after time.Time, limit int) ([]OpenMinute, error)
	// Unpublished lists a page of marks, in an order of the store's own that does not change while marks come and go.
	Unpublished(ctx context.Context, q MarkQuery) ([]Mark, error)
	// MarkPublished removes marks whenever they were recorded, and notes beside the decisions that they are published:
	// from then on they are Published wherever they are read. What is not there is no error.
	MarkPublished(ctx context.Context, marks []Mark) error
	// DropMarks removes what was recorded up to RecordedAt of marks whose payments nobody decided.
	DropMarks(ctx context.Context, marks []Mark) error
	// CloseMinutes takes out of the list of open minutes those that were not opened again since it was read. They hold no
	// marks, and were opened long ago: see closeAfter.
	CloseMinutes(ctx context.Context, minutes []OpenMinute) error
}

// Mark says that a payment was recorded and is not known to be published.
type Mark struct {
	ID pix.EndToEndID
	// Minute is that of the payment's event time, UTC.
	Minute time.Time
	// RecordedAt is when the payment was recorded last, as far as a query looked. A mark that is dropped stays when the
	// payment was recorded again later.
	RecordedAt time.Time
}

// MarkOf is the mark that Record leaves of a payment, whenever it was recorded.
func MarkOf(tx *pix.Transaction) Mark {
	return Mark{ID: tx.ID, Minute: tx.EventTime.UTC().Truncate(time.Minute)}
}

// MarkQuery asks for marks of some minutes. What was recorded at Before or later is as good as not there.
type MarkQuery struct {
	Minutes []time.Time
	Before  time.Time
	After   Mark // the last of the page before; zero asks for the first page
	Limit   int
}

// OpenMinute is a minute of event time that may hold marks.
type OpenMinute struct {
	Minute   time.Time // UTC
	OpenedAt time.Time // when a payment of this minute was recorded last, up to half a minute early
}

// Register keeps small named values that processes agree by.
type Register interface {
	// Value returns the value of a name, empty when it has none.
	Value(ctx context.Context, name string) (string, error)
	// Swap gives the name another value if it has the first one, and returns the value that stands then. Empty is none. A
	// lost reply is resolved by reading again, so nobody else may write the same next value.
	Swap(ctx context.Context, name, was, next string) (string, error)
}
