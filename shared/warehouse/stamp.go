package warehouse

import (
	"slices"
	"time"

	"cloud.google.com/go/bigquery"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/clock"
)

// stampColumn is the last column of every table: when the append began that wrote the row. The row's encoder leaves it out,
// because a row that is appended again is stamped anew: the first append may have been carried out or not.
const stampColumn = "written_at"

// maxAppendTimeout is the longest that an append may be given.
const maxAppendTimeout = 5 * time.Minute

// StampMargin is how old a stamp must be that no row with it is still on its way: the longest append, and two clocks that are
// each as wrong as a clock.Watch lets them be, the writer's slow and the reader's fast. A process whose clock is slower
// takes no messages and so writes no rows.
const StampMargin = maxAppendTimeout + 2*clock.DefaultTolerance

// stamp is the column stampColumn, which the append fills.
func stamp[T any]() column[T] {
	return column[T]{
		name: stampColumn, kind: bigquery.TimestampFieldType,
		put: func(b []byte, _ protowire.Number, _ *T) []byte { return b },
	}
}

// stamped returns the rows of a batch with the moment in their last column, field n.
func stamped(batch []pendingRow, n protowire.Number, at time.Time) [][]byte {
	field := appendInt(nil, n, at.UnixMicro())
	rows := make([][]byte, len(batch))
	for i, row := range batch {
		rows[i] = slices.Concat(row.data, field) // the row itself stays: it may be stamped again
	}
	return rows
}
