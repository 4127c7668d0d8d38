package warehouse

import (
	"cloud.google.com/go/bigquery"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// EncodeDecision gives tests the wire format of a row.
func EncodeDecision(b []byte, d *pix.Decision) []byte { return encode(b, decisionColumns(), d) }

// DecisionEncoder gives benchmarks an encoder whose columns are built once, as a table's are.
func DecisionEncoder() func(b []byte, d *pix.Decision) []byte {
	columns := decisionColumns()
	return func(b []byte, d *pix.Decision) []byte { return encode(b, columns, d) }
}

// DecisionDescriptor gives tests the descriptor of a row.
func DecisionDescriptor() (*descriptorpb.DescriptorProto, error) {
	schema, err := Schema(DecisionsTable)
	if err != nil {
		return nil, err
	}
	return describe(DecisionsTable, schema)
}

// CheckDecisions gives tests the comparison of schema file and encoder, once the file's columns were changed.
func CheckDecisions(change func(bigquery.Schema) bigquery.Schema) error {
	schema, err := Schema(DecisionsTable)
	if err != nil {
		return err
	}
	return check(DecisionsTable, change(schema), decisionColumns())
}

// ReadArrow gives tests the reader of one batch.
func ReadArrow(columns lake.Schema, schema, batch []byte, yield func([]lake.Value) bool) (more bool, err error) {
	rows, err := newArrowRows(schema, columns)
	if err != nil {
		return false, err
	}
	_, more, err = rows.each(batch, yield)
	return more, err
}

// Sending tells tests how many appends of decisions and alerts are under way. Each group holds room for one more.
func (w *Warehouse) Sending() int {
	return len(w.decisions.group.inFlight) + len(w.alerts.group.inFlight) - 2
}
