package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	reader "cloud.google.com/go/bigquery/storage/apiv1"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Tables returns the names of the tables.
func Tables() []string { return []string{DecisionsTable, labelsTable, alertsTable} }

// LakeSchema returns the columns of a table for the lake: all of them.
func LakeSchema(table string) (lake.Schema, error) {
	text, err := files.ReadFile("schema/" + table + ".json")
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	return lake.ParseSchema(text)
}

// WrittenAt is the column by which the lake counts what it has.
const WrittenAt = stampColumn

// Extract reads tables for the lake, by when their rows were written. It is safe for concurrent use.
type Extract struct {
	rest *Reader
	read *reader.BigQueryReadClient
	cfg  Config
}

// maxResponseBytes bounds one answer of the Storage Read API, which says that it sends no larger ones.
const maxResponseBytes = 128 << 20

// OpenExtract connects to BigQuery's REST API, which counts, and its Storage Read API, which reads.
func OpenExtract(ctx context.Context, cfg Config, rest, storage []option.ClientOption) (*Extract, error) {
	r, err := OpenReader(ctx, cfg, rest...)
	if err != nil {
		return nil, err
	}
	c, err := reader.NewBigQueryReadClient(ctx, append([]option.ClientOption{option.WithGRPCConnectionPool(1)}, storage...)...)
	if err != nil {
		return nil, errors.Join(pix.E(pix.Unavailable, "open warehouse extract", err), r.Close())
	}
	return &Extract{rest: r, read: c, cfg: cfg}, nil
}

// Close ends the connections.
func (e *Extract) Close() error {
	if err := errors.Join(e.read.Close(), e.rest.Close()); err != nil {
		return fmt.Errorf("close warehouse extract: %w", err)
	}
	return nil
}

// Slice is a part of a table: the rows whose stamp is from From until before Until, and whose payments are dated from
// First to Last. Times are in microseconds since 1970 UTC.
type Slice struct {
	From, Until int64
	First, Last int64 // of event_time, by which the table is partitioned
	Rows        int64 // as counted
}

// Counts is how many rows a table has, by stamp.
type Counts struct {
	Before    []Slice // hours, and what is left of one, before the moment that was asked for: in no order
	After     []Slice // those that follow, up to the end, in no order
	Unstamped int64   // rows older than the column
	Ahead     int64   // rows stamped later than any clock of ours may read
}

// Count counts the rows stamped from an hour on, the moments from and end parting them. All times are in microseconds.
func (e *Extract) Count(ctx context.Context, table string, since, from, end, ahead int64) (Counts, error) { //nolint:revive // four moments in order
	sql := `SELECT CASE WHEN written_at IS NULL THEN 'unstamped' WHEN written_at < TIMESTAMP_MICROS(` + micros(from) + `) THEN 'before'
  WHEN written_at < TIMESTAMP_MICROS(` + micros(end) + `) THEN 'after' WHEN written_at < TIMESTAMP_MICROS(` + micros(ahead) + `) THEN 'open' ELSE 'ahead' END AS part,
  DIV(UNIX_MICROS(written_at), ` + micros(lake.TallyBucket.Microseconds()) + `) AS bucket, COUNT(*) AS n,
  UNIX_MICROS(MIN(event_time)) AS first, UNIX_MICROS(MAX(event_time)) AS last
FROM ` + "`" + e.rest.Dataset() + "." + table + "`" + ` WHERE event_time >= TIMESTAMP_MICROS(0)
  AND (written_at IS NULL OR written_at >= TIMESTAMP_MICROS(` + micros(since) + `)) GROUP BY part, bucket`
	answer, err := e.rest.Query(ctx, sql, nil)
	if err != nil {
		return Counts{}, pix.E(pix.KindOf(err), "count "+table, err)
	}
	var out Counts
	for _, row := range answer.Rows {
		if err := out.add(row, from, end); err != nil {
			return Counts{}, pix.E(pix.Unexpected, "count "+table, err)
		}
	}
	return out, nil
}

func micros(n int64) string { return strconv.FormatInt(n, 10) }

// add takes in a row of Count's answer.
func (c *Counts) add(row []string, from, end int64) error {
	var n [5]int64
	for i := 1; i < len(n); i++ {
		if row[i] == "" {
			continue // the bucket of rows without a stamp
		}
		v, err := strconv.ParseInt(row[i], 10, 64)
		if err != nil {
			return errors.New("BigQuery's answer holds no number")
		}
		n[i] = v
	}
	start := n[1] * lake.TallyBucket.Microseconds()
	s := Slice{From: start, Until: start + lake.TallyBucket.Microseconds(), First: n[3], Last: n[4], Rows: n[2]}
	switch row[0] {
	case "unstamped":
		c.Unstamped = s.Rows
	case "ahead":
		c.Ahead += s.Rows
	case "before":
		s.Until = min(s.Until, from)
		c.Before = append(c.Before, s)
	case "after":
		s.From, s.Until = max(s.From, from), min(s.Until, end)
		c.After = append(c.After, s)
	}
	return nil
}

// Rows yields the rows of a slice, in no order: a value for each column of LakeSchema, good until the next row. It holds one
// answer of BigQuery at a time. The session shows the table as it is when it begins.
func (e *Extract) Rows(ctx context.Context, table string, s Slice) iter.Seq2[[]lake.Value, error] {
	return func(yield func([]lake.Value, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // ends the stream when the rest is not wanted
		defer cancel()
		if err := e.rows(ctx, table, s, yield); err != nil {
			yield(nil, pix.E(kindOf(err), "read "+table, err))
		}
	}
}

func (e *Extract) rows(ctx context.Context, table string, s Slice, yield func([]lake.Value, error) bool) error {
	columns, err := LakeSchema(table)
	if err != nil {
		return err
	}
	names := make([]string, len(columns))
	for i, f := range columns {
		names[i] = f.Name
	}
	session, err := e.read.CreateReadSession(ctx, &storagepb.CreateReadSessionRequest{
		Parent: "projects/" + e.cfg.ProjectID, MaxStreamCount: 1,
		ReadSession: &storagepb.ReadSession{
			Table:      "projects/" + e.cfg.ProjectID + "/datasets/" + e.cfg.Dataset + "/tables/" + table,
			DataFormat: storagepb.DataFormat_ARROW,
			ReadOptions: &storagepb.ReadSession_TableReadOptions{SelectedFields: names, RowRestriction: fmt.Sprintf(
				"written_at >= TIMESTAMP '%s' AND written_at < TIMESTAMP '%s' AND event_time >= TIMESTAMP '%s' AND event_time <= TIMESTAMP '%s'",
				literal(s.From), literal(s.Until), literal(s.First), literal(s.Last))},
		},
	})
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	decoder, err := newArrowRows(session.GetArrowSchema().GetSerializedSchema(), columns)
	if err != nil {
		return pix.E(pix.Invalid, "understand columns", err)
	}
	for _, stream := range session.GetStreams() {
		if more, err := e.stream(ctx, stream.GetName(), decoder, yield); !more {
			return err
		}
	}
	return nil
}

// Bounds of the breaks of one stream that bring no row. Breaks are usual in a stream of minutes, so those that bring some are
// not counted.
const (
	maxIdleBreaks = 5
	firstPause    = 50 * time.Millisecond
	longestPause  = 5 * time.Second
)

// stream reads one stream of a session. One that breaks is read on at the row where it broke: read from its start, a
// slice that takes longer than streams last would never end. It tells whether more rows are wanted, which
// they are not after an error.
func (e *Extract) stream(ctx context.Context, name string, decoder *arrowRows, yield func([]lake.Value, error) bool) (bool, error) {
	pause := gax.Backoff{Initial: firstPause, Max: longestPause}
	for read, idle := int64(0), 0; ; {
		n, more, err := e.readFrom(ctx, name, read, func(batch []byte) (int64, bool, error) {
			return decoder.each(batch, func(row []lake.Value) bool { return yield(row, nil) })
		})
		if !broken(err) || ctx.Err() != nil {
			return more, err
		}
		if read += n; n > 0 {
			idle = 0
			continue
		}
		if idle++; idle > maxIdleBreaks {
			return false, fmt.Errorf("broke %d times at row %d: %w", idle, read, err)
		}
		if err := gax.Sleep(ctx, pause.Pause()); err != nil {
			return false, fmt.Errorf("wait: %w", err)
		}
	}
}

// readFrom reads a stream from a row on, to its end or until it breaks. It returns how many rows it has handed on.
func (e *Extract) readFrom(ctx context.Context, name string, offset int64, each func(batch []byte) (int64, bool, error)) (rows int64, more bool, err error) {
	answers, err := e.read.ReadRows(ctx, &storagepb.ReadRowsRequest{ReadStream: name, Offset: offset},
		gax.WithGRPCOptions(grpc.MaxCallRecvMsgSize(maxResponseBytes)))
	if err != nil {
		return 0, false, fmt.Errorf("read rows: %w", err)
	}
	for {
		answer, err := answers.Recv()
		if errors.Is(err, io.EOF) {
			return rows, true, nil
		}
		if err != nil {
			return rows, false, fmt.Errorf("read rows: %w", err)
		}
		n, more, err := each(answer.GetArrowRecordBatch().GetSerializedRecordBatch())
		if err == nil && more && n < answer.GetRowCount() {
			err = fmt.Errorf("a batch of %d rows came with %d", answer.GetRowCount(), n)
		}
		if rows += n; err != nil || !more {
			return rows, false, err
		}
	}
}

// broken tells whether a stream ended for a reason that passes.
func broken(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.Aborted, codes.ResourceExhausted:
		return true
	default:
		return false
	}
}

// literal writes a moment as BigQuery's SQL does.
func literal(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05.000000") + "+00"
}
