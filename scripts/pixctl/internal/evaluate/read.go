package evaluate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
)

// Columns of a table of scores behind those of the payment.
const (
	columnAmount = table.AfterPayment + iota
	columnRaw
	columnProbability
	columnContributions
)

// columns are those of a table of scores, in the order of their constants.
func columns() []table.Column {
	return append(table.Payment(), table.RequiredDouble("amount_brl"), table.RequiredDouble("raw"), table.RequiredDouble("probability"),
		table.Doubles("contributions"))
}

// window says which rows count and what was known of them.
type window struct {
	from, to time.Time // event time, to excluded; zero is open
	knownAt  time.Time // reports that arrived later are unknown; zero is all
}

// read reads a table of scores. Truth may be nil: then only reports are known.
func read(ctx context.Context, name string, t *truth, w window) (*sample, error) {
	in, err := table.Open(name, columns())
	if err != nil {
		return nil, err
	}
	defer in.Close()
	s, err := begin(in, &w)
	if err != nil {
		return nil, err
	}
	s.truth = t != nil
	s.rows = make([]row, 0, in.Rows())
	err = in.Each(ctx, func(first int64, rows []parquet.Row) error {
		for i, values := range rows {
			if err := s.add(values, t, w); err != nil {
				return fmt.Errorf("row %d: %w", first+int64(i), err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, s.enough(w)
}

// enough is an error when there is nothing to measure; it says what to change.
func (s *sample) enough(w window) error {
	switch {
	case len(s.rows) == 0 && s.leftOut == 0:
		return errors.New("it holds no payment: pixctl score leaves out those of a direction that the model does not score")
	case len(s.rows) == 0 && w.from.Equal(s.fitted):
		day := s.fitted.AddDate(0, 0, 1).Format(time.DateOnly)
		return fmt.Errorf("all %d payments are from before %s, until when %s was fitted, and it is not judged on what it may have "+
			"seen: take later ones, for example pixctl simulate -start %s", s.leftOut, s.fitted.Format(time.DateOnly), s.model, day)
	case len(s.rows) == 0:
		return fmt.Errorf("-from and -to leave out all %d payments", s.leftOut)
	}
	for i := range s.rows {
		if s.rows[i].fraud {
			return nil
		}
	}
	if !s.truth {
		return fmt.Errorf("no fraud was reported among %d payments: give -truth, or take more payments, for example "+
			"pixctl simulate -days 30 -fraud-boost 100", len(s.rows))
	}
	return fmt.Errorf("there is no fraud among %d payments: take more, for example pixctl simulate -days 30 -fraud-boost 100", len(s.rows))
}

// begin reads the footer. Rows up to the moment until which the model was fitted never count.
func begin(in *table.Reader, w *window) (*sample, error) {
	s := newSample()
	s.role, s.model = in.Metadata("role"), in.Metadata("role")+"/"+in.Metadata("model_version")
	s.receiver = s.role == "receiver"
	if list := in.Metadata("features"); list != "" {
		if err := json.Unmarshal([]byte(list), &s.features); err != nil {
			return nil, fmt.Errorf("features of the footer: %w", err)
		}
	}
	if text := in.Metadata("fitted_until"); text != "" {
		fitted, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, fmt.Errorf("fitted_until of the footer: %w", err)
		}
		if fitted = fitted.Add(time.Microsecond); fitted.After(w.from) {
			w.from, s.fitted = fitted, fitted
		}
	}
	return s, nil
}

// add takes one row of the table.
func (s *sample) add(v parquet.Row, t *truth, w window) error {
	r := row{
		at: v[table.AtEventTime].Int64(), amount: v[columnAmount].Double(), weight: v[table.AtWeight].Double(),
		raw: v[columnRaw].Double(), probability: v[columnProbability].Double(), typology: none, lookAlike: none,
	}
	label := v[table.AtLabel].Int32()
	if !(r.weight > 0) || math.IsInf(r.weight, 1) || label != 0 && label != 1 {
		return errors.New("split_weight is not a number above zero, or label not 0 or 1")
	}
	at := time.UnixMicro(r.at)
	if at.Before(w.from) || !w.to.IsZero() && !at.Before(w.to) {
		s.leftOut++
		return nil
	}
	if arrived := v[table.AtLabelArrivedAt]; !arrived.IsNull() && label == 1 {
		if w.knownAt.IsZero() || !time.UnixMicro(arrived.Int64()).After(w.knownAt) {
			r.arrived = arrived.Int64()
		}
	}
	if _, err := s.ids.Write(v[table.AtID].ByteArray()); err != nil {
		return fmt.Errorf("ids: %w", err)
	}
	s.identify(&r, v)
	if t != nil {
		t.judge(s, &r, string(v[table.AtID].ByteArray()))
	} else if r.arrived != 0 {
		r.fraud, r.mule, r.typology = true, true, s.typologies.id(string(v[table.AtTypology].ByteArray()))
	}
	s.explain(&r, v[columnContributions:])
	s.rows = append(s.rows, r)
	return nil
}

// identify names the account and the groups of the party that the model's question is about.
func (s *sample) identify(r *row, v parquet.Row) {
	account, age, state := table.AtPayerAccount, table.AtPayerAgeBand, table.AtPayerState
	if s.receiver {
		account, age, state = table.AtPayeeAccount, table.AtPayeeAgeBand, table.AtPayeeState
	}
	r.account = s.accounts.id(string(v[account].ByteArray()))
	r.age, r.state = s.ages.id(orUnknown(v[age])), s.states.id(orUnknown(v[state]))
}

func orUnknown(v parquet.Value) string {
	if text := v.ByteArray(); len(text) > 0 {
		return string(text)
	}
	return "unknown"
}

// explain adds a row's contributions, of which the last is the expected value.
func (s *sample) explain(r *row, shares parquet.Row) {
	if len(shares) != len(s.features)+1 || len(s.features) == 0 {
		return
	}
	if s.contributions == nil {
		s.contributions = make([]float64, len(s.features))
	}
	for i := range s.features {
		s.contributions[i] += r.weight * math.Abs(shares[i].Double())
	}
	s.explained += r.weight
}
