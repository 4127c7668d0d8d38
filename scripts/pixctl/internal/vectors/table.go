package vectors

import (
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
)

// columns returns the schema of the table.
func columns(features []string) []table.Column {
	list := table.Payment()
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
	row := make(parquet.Row, table.AfterPayment+len(r.Vector))
	put := func(column int, v parquet.Value) { row[column] = v.Level(0, 0, column) }
	put(table.AtID, parquet.ByteArrayValue([]byte(r.Transaction.ID)))
	put(table.AtEventTime, parquet.Int64Value(r.Transaction.EventTime.UnixMicro()))
	put(table.AtLabelArrivedAt, parquet.NullValue())
	label, typology := int32(0), ""
	if r.Label != nil {
		row[table.AtLabelArrivedAt] = parquet.Int64Value(r.Label.ArrivedAt.UnixMicro()).Level(0, 1, table.AtLabelArrivedAt)
		if r.Label.Fraud {
			label, typology = 1, string(r.Label.Typology)
		}
	}
	put(table.AtLabel, parquet.Int32Value(label))
	put(table.AtTypology, parquet.ByteArrayValue([]byte(typology)))
	put(table.AtDirection, parquet.ByteArrayValue([]byte(r.Transaction.Direction)))
	put(table.AtWeight, parquet.DoubleValue(r.Weight))
	for i, text := range groups(r.Transaction) {
		put(table.AtPayerAccount+i, parquet.ByteArrayValue([]byte(text)))
	}
	for i, v := range r.Vector {
		put(table.AfterPayment+i, parquet.DoubleValue(v))
	}
	return row
}

// groups returns the columns by which payments are grouped when a model is judged: accounts, age bands and states.
func groups(tx *pix.Transaction) [table.AfterPayment - table.AtPayerAccount]string {
	return [...]string{
		string(tx.Payer.Account.Current), string(tx.Payee.Account.Current),
		tx.PayerFacts.AgeBand, tx.PayerFacts.State, tx.PayeeFacts.AgeBand, tx.PayeeFacts.State,
	}
}
