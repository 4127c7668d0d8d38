package vectors

import (
	"fmt"
	"os"

	"github.com/parquet-go/parquet-go"

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

const (
	rowsPerGroup = 50_000 // bounds memory: a row group is held until it is written
	rowsPerWrite = 256
)

// orderedGroup is a group whose columns keep their order; parquet.Group alone sorts them by name.
type orderedGroup struct {
	parquet.Group
	names []string
}

// Fields implements parquet.Node.
func (g *orderedGroup) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range g.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(g.names))
	for i, name := range g.names {
		fields[i] = byName[name]
	}
	return fields
}

func schema(features []string) *parquet.Schema {
	g := &orderedGroup{Group: parquet.Group{}}
	column := func(name string, node parquet.Node) {
		g.Group[name] = parquet.Compressed(node, &parquet.Snappy)
		g.names = append(g.names, name)
	}
	column("end_to_end_id", parquet.String())
	column("event_time", parquet.Leaf(parquet.Int64Type))
	column("label_arrived_at", parquet.Optional(parquet.Leaf(parquet.Int64Type)))
	column("label", parquet.Leaf(parquet.Int32Type))
	column("typology", parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	column("direction", parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	column("split_weight", parquet.Leaf(parquet.DoubleType))
	column("payer_account", parquet.String())
	column("payee_account", parquet.String())
	for _, name := range []string{"payer_age_band", "payer_state", "payee_age_band", "payee_state"} {
		column(name, parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	}
	for _, name := range features {
		column(name, parquet.Leaf(parquet.DoubleType))
	}
	return parquet.NewSchema("vectors", g)
}

// table is the Parquet file being written, under a temporary name until commit.
type table struct {
	name string
	file *os.File
	w    *parquet.GenericWriter[any]
	rows []parquet.Row
}

func createTable(name string) (*table, error) {
	file, err := os.Create(name + ".partial")
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	w := parquet.NewGenericWriter[any](file, schema(feature.Names()), parquet.MaxRowsPerRowGroup(rowsPerGroup),
		parquet.KeyValueMetadata("feature_set", feature.SetVersion()))
	return &table{name: name, file: file, w: w}, nil
}

// write adds one payment.
func (t *table) write(r *replay.Row) error {
	row := make(parquet.Row, firstFeature+len(r.Vector))
	put := func(column int, v parquet.Value) { row[column] = v.Level(0, 0, column) }
	put(columnID, parquet.ByteArrayValue([]byte(r.Transaction.ID)))
	put(columnEventTime, parquet.Int64Value(r.Transaction.EventTime.UnixMicro()))
	put(columnLabelArrivedAt, parquet.NullValue())
	label, typology := int32(0), ""
	if r.Label != nil {
		row[columnLabelArrivedAt] = parquet.Int64Value(r.Label.ArrivedAt.UnixMicro()).Level(0, 1, columnLabelArrivedAt)
		if r.Label.Fraud {
			label, typology = 1, r.Label.Typology
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
	if t.rows = append(t.rows, row); len(t.rows) < rowsPerWrite {
		return nil
	}
	return t.flush()
}

// groups returns the columns by which payments are grouped when a model is judged: accounts, age bands and states.
func groups(tx *pix.Transaction) [firstFeature - columnPayerAccount]string {
	return [...]string{
		string(tx.Payer.Account.Current), string(tx.Payee.Account.Current),
		tx.PayerFacts.AgeBand, tx.PayerFacts.State, tx.PayeeFacts.AgeBand, tx.PayeeFacts.State,
	}
}

func (t *table) flush() error {
	if _, err := t.w.WriteRows(t.rows); err != nil {
		return fmt.Errorf("vectors: write rows: %w", err)
	}
	t.rows = t.rows[:0]
	return nil
}

// commit completes the file and gives it its name.
func (t *table) commit() error {
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.w.Close(); err != nil {
		return fmt.Errorf("vectors: complete table: %w", err)
	}
	if err := t.file.Close(); err != nil {
		return fmt.Errorf("vectors: %w", err)
	}
	if err := os.Rename(t.file.Name(), t.name); err != nil {
		return fmt.Errorf("vectors: %w", err)
	}
	return nil
}

// discard removes what commit has not completed; after commit it does nothing.
func (t *table) discard() {
	_ = t.file.Close()
	_ = os.Remove(t.file.Name())
}
