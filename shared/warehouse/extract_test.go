package warehouse_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// readServer is a Storage Read API that has one table.
type readServer struct {
	storagepb.UnimplementedBigQueryReadServer
	schema  []byte
	streams [][][]byte // the batches of each
	refused error      // instead of a session
	cut     error      // at the end of each stream; with hangs never
	says    int64      // how many rows each batch is said to have; 0 says nothing

	hangs bool
	asked atomic.Pointer[storagepb.CreateReadSessionRequest]
	left  chan struct{} // closed when the reader of a hanging stream has gone
}

func (s *readServer) CreateReadSession(_ context.Context, r *storagepb.CreateReadSessionRequest) (*storagepb.ReadSession, error) {
	s.asked.Store(r)
	session := &storagepb.ReadSession{
		Schema: &storagepb.ReadSession_ArrowSchema{ArrowSchema: &storagepb.ArrowSchema{SerializedSchema: s.schema}},
	}
	for i := range s.streams {
		session.Streams = append(session.Streams, &storagepb.ReadStream{Name: strconv.Itoa(i)})
	}
	return session, s.refused
}

func (s *readServer) ReadRows(r *storagepb.ReadRowsRequest, down storagepb.BigQueryRead_ReadRowsServer) error {
	i, err := strconv.Atoi(r.GetReadStream())
	if err != nil {
		return err
	}
	for _, batch := range s.streams[i] {
		if err := down.Send(&storagepb.ReadRowsResponse{RowCount: s.says, Rows: &storagepb.ReadRowsResponse_ArrowRecordBatch{
			ArrowRecordBatch: &storagepb.ArrowRecordBatch{SerializedRecordBatch: batch},
		}}); err != nil {
			return err
		}
	}
	if s.hangs {
		<-down.Context().Done()
		close(s.left)
	}
	return s.cut
}

// openExtract connects to a Storage Read API, and to no REST API.
func openExtract(tb testing.TB, s storagepb.BigQueryReadServer) *warehouse.Extract {
	tb.Helper()
	server := grpc.NewServer()
	storagepb.RegisterBigQueryReadServer(server, s)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	tb.Cleanup(server.Stop)
	extract, err := warehouse.OpenExtract(tb.Context(), warehouse.Config{ProjectID: "p", Dataset: "fraud"},
		emulator.REST("http://127.0.0.1:1"), emulator.GRPC(listener.Addr().String()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := extract.Close(); err != nil {
			tb.Error(err)
		}
	})
	return extract
}

func TestExtractReadsEveryStreamOfASlice(t *testing.T) {
	t.Parallel()
	schema, batch, want := arrowTable(t, "labels", 3)
	s := &readServer{schema: schema, streams: [][][]byte{{batch, batch}, {}, {batch}}}
	extract := openExtract(t, s)
	var got [][]lake.Value
	for row, err := range extract.Rows(t.Context(), "labels", warehouse.Slice{From: 1, Until: 3_600_000_002, First: 3, Last: 4_000_000}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, slices.Clone(row))
	}
	if diff := cmp.Diff(slices.Repeat(want, 3), got, sameValues()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	columns, _ := warehouse.LakeSchema("labels")
	var names []string
	for _, f := range columns {
		names = append(names, f.Name)
	}
	session := s.asked.Load().GetReadSession()
	type question struct {
		Table, Rows string
		Columns     []string
	}
	if diff := cmp.Diff(question{
		"projects/p/datasets/fraud/tables/labels",
		"written_at >= TIMESTAMP '1970-01-01 00:00:00.000001+00' AND written_at < TIMESTAMP '1970-01-01 01:00:00.000002+00'" +
			" AND event_time >= TIMESTAMP '1970-01-01 00:00:00.000003+00' AND event_time <= TIMESTAMP '1970-01-01 00:00:04.000000+00'",
		names,
	}, question{session.GetTable(), session.GetReadOptions().GetRowRestriction(), session.GetReadOptions().GetSelectedFields()}); diff != "" {
		t.Errorf("what was asked for (-want +got):\n%s", diff)
	}
}

// Who takes no more rows ends the stream: BigQuery would send the rest of the table.
func TestExtractStopsWhenNoMoreIsWanted(t *testing.T) {
	t.Parallel()
	schema, batch, _ := arrowTable(t, "labels", 3)
	s := &readServer{schema: schema, streams: [][][]byte{{batch}, {batch}}, hangs: true, left: make(chan struct{})}
	n := 0
	for _, err := range openExtract(t, s).Rows(t.Context(), "labels", warehouse.Slice{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		break
	}
	<-s.left
	if n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// What cannot be read to its end ends in one error, never as if it were all.
func TestExtractThatFails(t *testing.T) {
	t.Parallel()
	schema, batch, _ := arrowTable(t, "labels", 3)
	alerts, _, _ := arrowTable(t, "alerts", 0)
	for name, c := range map[string]struct {
		table string
		s     *readServer
		want  pix.Kind
		rows  int
	}{
		"a table that is none": {"none", &readServer{}, pix.Unavailable, 0},
		"no session":           {"labels", &readServer{refused: status.Error(codes.PermissionDenied, "no")}, pix.Unavailable, 0},
		"another table":        {"labels", &readServer{schema: alerts}, pix.Invalid, 0},
		"a broken batch":       {"labels", &readServer{schema: schema, streams: [][][]byte{{batch, batch[:40]}, {batch}}}, pix.Unavailable, 3},
		"a cut stream": {"labels", &readServer{
			schema: schema, streams: [][][]byte{{batch}, {batch}}, cut: status.Error(codes.DataLoss, "cut"),
		}, pix.Unavailable, 3},
		"a batch cut behind its prefix": {"labels", &readServer{
			schema: schema, streams: [][][]byte{{batch, batch[:8]}}, says: 3,
		}, pix.Unavailable, 3},
	} {
		rows, failures := 0, 0
		for _, err := range openExtract(t, c.s).Rows(t.Context(), c.table, warehouse.Slice{}) {
			if err == nil {
				rows++
				continue
			}
			if failures++; pix.KindOf(err) != c.want {
				t.Errorf("%s: kind %v (%v), want %v", name, pix.KindOf(err), err, c.want)
			}
		}
		if rows != c.rows || failures != 1 {
			t.Errorf("%s: %d rows and %d errors, want %d and 1", name, rows, failures, c.rows)
		}
	}
}

const countColumns = "part:STRING bucket:INTEGER n:INTEGER first:INTEGER last:INTEGER"

func TestCount(t *testing.T) {
	t.Parallel()
	const hour = 3_600_000_000
	endpoint, asked := answers(t, countColumns, "", [][]any{
		{"before", "2", "10", "7", "8"}, {"before", "3", "1", "9", "9"}, {"after", "3", "20", "5", "6"}, {"after", "4", "30", "3", "4"},
		{"after", "5", "40", "1", "2"}, {"open", "5", "50", "1", "2"}, {"unstamped", nil, "60", "1", "2"}, {"ahead", "9", "70", "1", "2"}, {"ahead", "11", "80", "1", "2"},
	})
	got, err := openCounter(t, endpoint).Count(t.Context(), "labels", 2*hour, 3*hour+100, 5*hour+200, 9*hour)
	if err != nil {
		t.Fatal(err)
	}
	want := warehouse.Counts{
		Before: []warehouse.Slice{
			{From: 2 * hour, Until: 3 * hour, First: 7, Last: 8, Rows: 10}, {From: 3 * hour, Until: 3*hour + 100, First: 9, Last: 9, Rows: 1},
		},
		After: []warehouse.Slice{
			{From: 3*hour + 100, Until: 4 * hour, First: 5, Last: 6, Rows: 20}, {From: 4 * hour, Until: 5 * hour, First: 3, Last: 4, Rows: 30},
			{From: 5 * hour, Until: 5*hour + 200, First: 1, Last: 2, Rows: 40},
		},
		Unstamped: 60, Ahead: 150,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for _, part := range []string{
		"written_at < TIMESTAMP_MICROS(10800000100) THEN 'before'", "written_at < TIMESTAMP_MICROS(18000000200) THEN 'after'",
		"written_at < TIMESTAMP_MICROS(32400000000) THEN 'open'", "written_at >= TIMESTAMP_MICROS(7200000000)",
		"DIV(UNIX_MICROS(written_at), 3600000000)", "FROM `p.fraud.labels`",
	} {
		if !strings.Contains(*asked.Load(), part) {
			t.Errorf("the query lacks %s:\n%s", part, *asked.Load())
		}
	}
}

func TestCountThatFails(t *testing.T) {
	t.Parallel()
	text, _ := answers(t, strings.ReplaceAll(countColumns, "last:INTEGER", "last:STRING"), "", [][]any{{"before", "1", "1", "1", "x"}})
	for name, c := range map[string]struct {
		endpoint string
		want     pix.Kind
	}{"no number": {text, pix.Unexpected}, "no BigQuery": {refuses(t), pix.Unavailable}} {
		extract := openCounter(t, c.endpoint)
		if _, err := extract.Count(t.Context(), "labels", 0, 0, 0, 0); err == nil || pix.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// openCounter connects to a REST API, and to no Storage Read API.
func openCounter(t *testing.T, endpoint string) *warehouse.Extract {
	t.Helper()
	extract, err := warehouse.OpenExtract(t.Context(), warehouse.Config{ProjectID: "p", Dataset: "fraud"}, emulator.REST(endpoint), emulator.GRPC("127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = extract.Close() })
	return extract
}
