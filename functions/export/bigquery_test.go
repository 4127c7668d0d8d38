package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// bigQuery serves a world as BigQuery's REST and Storage Read services do, as far as the export asks them: one row to an
// answer.
type bigQuery struct {
	storagepb.UnimplementedBigQueryReadServer
	world *world
}

const lastMicros = 253402300799_999_999 // of the year 9999

var (
	askedMicros = regexp.MustCompile(`TIMESTAMP_MICROS\((-?\d+)\)`)
	askedTable  = regexp.MustCompile("FROM `[^`]*\\.(\\w+)`")
	askedTimes  = regexp.MustCompile(`written_at >= TIMESTAMP '([^']+)' AND written_at < TIMESTAMP '([^']+)'`)
)

// ServeHTTP answers the query that counts.
func (b bigQuery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Query string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || !strings.HasSuffix(r.URL.Path, "/queries") {
		http.Error(w, "only queries", http.StatusNotFound)
		return
	}
	var n [5]int64 // from, end, ahead, 0, since
	for i, found := range askedMicros.FindAllStringSubmatch(asked.Query, -1) {
		n[i], _ = strconv.ParseInt(found[1], 10, 64)
	}
	counts, err := b.world.Count(r.Context(), askedTable.FindStringSubmatch(asked.Query)[1], n[4], n[0], n[1], n[2])
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer(counts))
}

// answer is BigQuery's form of counts.
func answer(c warehouse.Counts) any {
	type cell struct {
		V string `json:"v"`
	}
	type line struct {
		F []cell `json:"f"`
	}
	type field struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	lines := []line{}
	add := func(part string, s warehouse.Slice) {
		bucket := s.From / lake.TallyBucket.Microseconds()
		cells := []cell{{part}}
		for _, v := range []int64{bucket, s.Rows, 0, lastMicros} {
			cells = append(cells, cell{strconv.FormatInt(v, 10)})
		}
		lines = append(lines, line{cells})
	}
	for _, s := range c.Before {
		add("before", s)
	}
	for _, s := range c.After {
		add("after", s)
	}
	return map[string]any{
		"kind": "bigquery#queryResponse", "jobComplete": true, "totalRows": strconv.Itoa(len(lines)), "rows": lines,
		"jobReference": map[string]string{"projectId": "p", "jobId": "j", "location": "US"},
		"schema": map[string]any{"fields": []field{
			{"part", "STRING"}, {"bucket", "INTEGER"}, {"n", "INTEGER"}, {"first", "INTEGER"}, {"last", "INTEGER"},
		}},
	}
}

// CreateReadSession names the stream by what it reads.
func (b bigQuery) CreateReadSession(_ context.Context, r *storagepb.CreateReadSessionRequest) (*storagepb.ReadSession, error) {
	parts := strings.Split(r.GetReadSession().GetTable(), "/")
	table := parts[len(parts)-1]
	times := askedTimes.FindStringSubmatch(r.GetReadSession().GetReadOptions().GetRowRestriction())
	if times == nil {
		return nil, errors.New("no stamps are asked for")
	}
	name := table
	for _, text := range times[1:] {
		at, err := time.Parse("2006-01-02 15:04:05.000000-07", text)
		if err != nil {
			return nil, err
		}
		name += fmt.Sprint("/", at.UnixMicro())
	}
	schema, _, err := record(table, nil)
	return &storagepb.ReadSession{
		Streams: []*storagepb.ReadStream{{Name: name}},
		Schema:  &storagepb.ReadSession_ArrowSchema{ArrowSchema: &storagepb.ArrowSchema{SerializedSchema: schema}},
	}, err
}

// ReadRows sends the rows, each in an answer of its own.
func (b bigQuery) ReadRows(r *storagepb.ReadRowsRequest, down storagepb.BigQueryRead_ReadRowsServer) error {
	parts := strings.Split(r.GetReadStream(), "/")
	from, _ := strconv.ParseInt(parts[1], 10, 64)
	until, _ := strconv.ParseInt(parts[2], 10, 64)
	place := int64(0)
	for _, row := range b.world.rows[parts[0]] {
		if at := row.at.UnixMicro(); at < from || at >= until {
			continue
		}
		if place++; place <= r.GetOffset() {
			continue
		}
		_, batch, err := record(parts[0], &row)
		if err != nil {
			return err
		}
		if err := down.Send(&storagepb.ReadRowsResponse{RowCount: 1, Rows: &storagepb.ReadRowsResponse_ArrowRecordBatch{
			ArrowRecordBatch: &storagepb.ArrowRecordBatch{SerializedRecordBatch: batch},
		}}); err != nil {
			return err
		}
	}
	return nil
}

// record returns the Arrow schema of a table and the batch of one row.
func record(table string, r *row) (schema, batch []byte, err error) {
	columns, err := warehouse.LakeSchema(table)
	if err != nil {
		return nil, nil, err
	}
	fields := make([]arrow.Field, len(columns))
	for i, f := range columns {
		fields[i] = arrowField(f)
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer builder.Release()
	for i, f := range columns {
		switch b := builder.Field(i).(type) {
		case *array.StringBuilder:
			if r != nil && f.Name == "end_to_end_id" {
				b.Append(r.id)
				continue
			}
			b.AppendNull()
		case *array.TimestampBuilder:
			if r != nil && (f.Name == "event_time" || f.Name == "written_at") {
				b.Append(arrow.Timestamp(r.at.UnixMicro()))
				continue
			}
			b.AppendNull()
		default:
			b.AppendNull()
		}
	}
	built := builder.NewRecord()
	defer built.Release()
	var all, head bytes.Buffer
	w := ipc.NewWriter(&all, ipc.WithSchema(built.Schema()))
	err = errors.Join(ipc.NewWriter(&head, ipc.WithSchema(built.Schema())).Close(), w.Write(built), w.Close())
	const end = 8 // bytes that end an Arrow stream, which BigQuery does not send
	schema = head.Bytes()[:head.Len()-end]
	return schema, all.Bytes()[len(schema) : all.Len()-end], err
}

func arrowField(f lake.Field) arrow.Field {
	kinds := map[lake.Type]arrow.DataType{
		lake.TypeString: arrow.BinaryTypes.String, lake.TypeJSON: arrow.BinaryTypes.String, lake.TypeInteger: arrow.PrimitiveTypes.Int64,
		lake.TypeFloat: arrow.PrimitiveTypes.Float64, lake.TypeBoolean: arrow.FixedWidthTypes.Boolean, lake.TypeTimestamp: arrow.FixedWidthTypes.Timestamp_us,
	}
	kind := kinds[f.Type]
	if f.Type == lake.TypeRecord {
		var fields []arrow.Field
		for _, nested := range f.Fields {
			fields = append(fields, arrowField(nested))
		}
		kind = arrow.StructOf(fields...)
	}
	if f.Mode == "REPEATED" {
		kind = arrow.ListOf(kind)
	}
	return arrow.Field{Name: f.Name, Type: kind, Nullable: true}
}
