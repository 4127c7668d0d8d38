package vectors

import (
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
)

// Column indexes before the features.
const (
	columnID = iota
	columnEventTime
	columnLabelArrivedAt
	columnLabel
	columnTypology
	columnDirection
	columnWeight
	columnPayerAccount
	columnPayeeAccount
	columnPayerAgeBand
	columnPayerState
	columnPayeeAgeBand
	columnPayeeState
	firstFeature
)

// columns returns the schema of the table.
func columns(features []string) []table.Column {
	list := []table.Column{
		table.Text("end_to_end_id"),
		table.Time("event_time"),
		table.OptionalTime("label_arrived_at"),
		table.Int32("label"),
		table.OptionalCategory("typology"),
		table.Category("direction"),
		table.RequiredDouble("split_weight"),
		table.Text("payer_account"),
		table.Text("payee_account"),
		table.OptionalCategory("payer_age_band"),
		table.OptionalCategory("payer_state"),
		table.OptionalCategory("payee_age_band"),
		table.OptionalCategory("payee_state"),
	}
	for _, name := range features {
		list = append(list, table.Double(name))
	}
	return list
}

// createTable begins the table of this release's features, which is none of the inputs.
func createTable(name string, inputs ...string) (*table.Writer, error) {
	metadata := map[string]string{"feature_set": feature.SetVersion()}
	w, err := table.Create(name, columns(feature.Names()), metadata, inputs...)
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	return w, nil
}

// record returns the row of one payment.
func record(r *replay.Row) parquet.Row {
	row := make(parquet.Row, firstFeature+len(r.Vector))
	put := func(column int, v parquet.Value) { row[column] = v.Level(0, 0, column) }
	put(columnID, parquet.ByteArrayValue([]byte(r.Transaction.ID)))
	put(columnEventTime, parquet.Int64Value(r.Transaction.EventTime.UnixMicro()))
	put(columnLabelArrivedAt, parquet.NullValue())
	label, typology := int32(0), ""
	if r.Label != nil {
		row[columnLabelArrivedAt] = parquet.Int64Value(r.Label.ArrivedAt.UnixMicro()).Level(0, 1, columnLabelArrivedAt)
		if r.Label.Fraud {
			label, typology = 1, string(r.Label.Typology)
		}
	}
	put(columnLabel, parquet.Int32Value(label))
	put(columnTypology, parquet.ByteArrayValue([]byte(typology)))
	put(columnDirection, parquet.ByteArrayValue([]byte(r.Transaction.Direction)))
	put(columnWeight, parquet.DoubleValue(r.Weight))
	for i, text := range groups(r.Transaction) {
		put(columnPayerAccount+i, parquet.ByteArrayValue([]byte(text)))
	}
	for i, v := range r.Vector {
		put(firstFeature+i, parquet.DoubleValue(v))
	}
	return row
}

// groups returns the columns by which payments are grouped when a model is judged: accounts, age bands and states.
func groups(tx *pix.Transaction) [firstFeature - columnPayerAccount]string {
	return [...]string{
		string(tx.Payer.Account.Current), string(tx.Payee.Account.Current),
		tx.PayerFacts.AgeBand, tx.PayerFacts.State, tx.PayeeFacts.AgeBand, tx.PayeeFacts.State,
	}
}
