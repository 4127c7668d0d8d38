package warehouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/bigquery"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// maxAnswerRows bounds what an investigation brings to a screen.
const maxAnswerRows = 10_000

// Reader runs investigations: BigQuery SQL whose answer a person reads.
type Reader struct {
	client *bigquery.Client
	cfg    Config
}

// Answer is the result of a query as text: rows of as many cells as there are columns.
type Answer struct {
	Columns []string
	Rows    [][]string
}

// OpenReader connects to BigQuery's REST API.
func OpenReader(ctx context.Context, cfg Config, opts ...option.ClientOption) (*Reader, error) {
	client, err := bigquery.NewClient(ctx, cfg.ProjectID, opts...)
	if err != nil {
		return nil, pix.E(pix.Unavailable, "open warehouse reader", err)
	}
	return &Reader{client: client, cfg: cfg}, nil
}

// Close ends the connection.
func (r *Reader) Close() error {
	if err := r.client.Close(); err != nil {
		return fmt.Errorf("close warehouse reader: %w", err)
	}
	return nil
}

// Dataset returns "project.dataset", as SQL names it.
func (r *Reader) Dataset() string { return r.cfg.ProjectID + "." + r.cfg.Dataset }

// Query runs one statement with named parameters and reads the whole answer, at most 10,000 rows. A table without a dataset
// is the warehouse's.
func (r *Reader) Query(ctx context.Context, sql string, params map[string]any) (Answer, error) {
	q := r.client.Query(sql)
	q.DefaultProjectID, q.DefaultDatasetID = r.cfg.ProjectID, r.cfg.Dataset
	for _, name := range slices.Sorted(maps.Keys(params)) {
		q.Parameters = append(q.Parameters, bigquery.QueryParameter{Name: name, Value: params[name]})
	}
	rows, err := q.Read(ctx)
	if err != nil {
		return Answer{}, pix.E(pix.Unavailable, "query warehouse", err)
	}
	var answer Answer
	for {
		var row []bigquery.Value
		err := rows.Next(&row)
		if answer.Columns == nil {
			answer.Columns = columns(rows.Schema)
		}
		if errors.Is(err, iterator.Done) {
			return answer, nil
		}
		if err != nil {
			return Answer{}, pix.E(pix.Unavailable, "read warehouse answer", err)
		}
		if len(answer.Rows) == maxAnswerRows {
			return Answer{}, pix.E(pix.TooLarge, "read warehouse answer", fmt.Errorf("more than %d rows", maxAnswerRows))
		}
		answer.Rows = append(answer.Rows, cells(row))
	}
}

func columns(schema bigquery.Schema) []string {
	names := make([]string, len(schema))
	for i, f := range schema {
		names[i] = f.Name
	}
	return names
}

func cells(row []bigquery.Value) []string {
	out := make([]string, len(row))
	for i, v := range row {
		out[i] = cell(v)
	}
	return out
}

// cell writes one value the way a person reads it; NULL is empty.
func cell(v bigquery.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case *big.Rat:
		return v.FloatString(2)
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05.000")
	default:
		return fmt.Sprint(v)
	}
}
