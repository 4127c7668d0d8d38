package score

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

const amountFeature = "amount_brl"

// scorer turns rows of vectors into rows of scores.
type scorer struct {
	model   *scoring.Model
	explain string
	above   float64 // explain rows from this probability on
	first   int     // column of the first feature
	width   int     // of a vector
	amount  int     // column of the amount
	scored  []pix.Direction

	out       []parquet.Row // of the last batch
	explained int
}

// takes are the columns of a table of vectors. A model picks those that it reads.
func takes(features []string) []table.Column {
	list := table.Payment()
	for _, name := range features {
		list = append(list, table.Double(name))
	}
	return list
}

func newScorer(model *scoring.Model, in *table.Reader, explain string) (*scorer, error) {
	s := &scorer{model: model, explain: explain, first: table.AfterPayment, width: feature.Width()}
	if set := in.Metadata("feature_set"); set != "" && set != feature.SetVersion() {
		return nil, errors.New("the table was written with another feature set than this release's: run pixctl vectors again")
	}
	s.amount = s.first + slices.Index(feature.Names(), amountFeature)
	s.scored = []pix.Direction{pix.Outbound, pix.Internal}
	if model.Role() == pix.ReceiverRole {
		s.scored[0] = pix.Inbound
	}
	s.above = math.Inf(1)
	for _, t := range model.Manifest().Thresholds {
		s.above = min(s.above, t.Probability)
	}
	return s, nil
}

func (s *scorer) name() string { return string(s.model.Role()) + "/" + s.model.Version() }

// columns are those of a table of scores.
func columns() []table.Column {
	list := append(table.Payment(), table.Double(amountFeature), table.RequiredDouble("raw"), table.RequiredDouble("probability"))
	return append(list, table.Doubles("contributions"))
}

func (s *scorer) metadata() map[string]string {
	m := s.model.Manifest()
	names, err := json.Marshal(m.Features)
	if err != nil { // strings always encode
		names = nil
	}
	return map[string]string{
		"role": string(m.Role), "model_version": m.Version, "model_sha256": m.Files.Model, "feature_set": m.FeatureSet,
		"features": string(names), "fitted_until": m.Validation.To.UTC().Format(time.RFC3339Nano),
	}
}

// batch scores rows, of which the first has a number, on every processor and leaves the results, in their order, in s.out.
func (s *scorer) batch(first int64, rows []parquet.Row) error {
	var mine []parquet.Row
	for i, row := range rows {
		switch d := pix.Direction(row[table.AtDirection].ByteArray()); {
		case slices.Contains(s.scored, d):
			mine = append(mine, row)
		case d != pix.Outbound && d != pix.Inbound && d != pix.Internal:
			return fmt.Errorf("row %d: column direction: not one of %s, %s, %s", first+int64(i), pix.Outbound, pix.Inbound, pix.Internal)
		}
	}
	s.out = make([]parquet.Row, len(mine))
	workers := runtime.GOMAXPROCS(0)
	var group sync.WaitGroup
	var explained atomic.Int64
	errs := make([]error, workers)
	for w := range workers {
		from, to := w*len(mine)/workers, (w+1)*len(mine)/workers
		group.Go(func() {
			var told int
			told, errs[w] = s.part(s.out[from:to], mine[from:to])
			explained.Add(int64(told))
		})
	}
	group.Wait()
	s.explained += int(explained.Load())
	return errors.Join(errs...)
}

// part scores rows in one batch of the model's and writes the results to out; told is how many have contributions.
func (s *scorer) part(out, in []parquet.Row) (told int, err error) {
	vectors := make([][]float64, len(in))
	for i, row := range in {
		vectors[i] = make([]float64, s.width)
		for j := range vectors[i] {
			vectors[i][j] = row[s.first+j].Double()
		}
	}
	raw, probability := make([]float64, len(in)), make([]float64, len(in))
	if err := s.model.ScoreBatch(raw, probability, vectors); err != nil {
		return 0, err
	}
	for i, row := range in {
		shares, err := s.contributions(vectors[i], probability[i])
		if err != nil {
			return 0, err
		}
		out[i] = s.row(row, []float64{row[s.amount].Double(), raw[i], probability[i]}, shares)
		told += min(len(shares), 1)
	}
	return told, nil
}

// row writes one payment: what is carried through, amount and scores, and the contributions if there are any.
func (s *scorer) row(in parquet.Row, scores, shares []float64) parquet.Row {
	out := make(parquet.Row, 0, s.first+4+len(shares))
	for _, v := range in[:s.first] {
		out = append(out, v.Clone())
	}
	for i, v := range scores {
		out = append(out, parquet.DoubleValue(v).Level(0, 0, s.first+i))
	}
	column := s.first + len(scores)
	if len(shares) == 0 {
		return append(out, parquet.NullValue().Level(0, 0, column))
	}
	for i, v := range shares {
		out = append(out, parquet.DoubleValue(v).Level(min(i, 1), 1, column))
	}
	return out
}

// contributions returns the shares of a row with the expected value last, or none when the row is not to be explained.
func (s *scorer) contributions(vector []float64, probability float64) ([]float64, error) {
	if s.explain == explainNone || s.explain == explainAlerts && probability < s.above {
		return nil, nil
	}
	n := len(s.model.Manifest().Features)
	shares := make([]float64, n+1)
	expected, err := s.model.Contributions(shares[:n], vector)
	shares[n] = expected
	return shares, err
}
