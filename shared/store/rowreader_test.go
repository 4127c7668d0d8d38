package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/bigtable"
	btpb "cloud.google.com/go/bigtable/apiv2/bigtablepb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// script is a server that answers every read with the same attempts, one after the other.
type script struct {
	btpb.UnimplementedBigtableServer
	attempts atomic.Pointer[[]attempt]
	next     atomic.Int64
}

// attempt is what one call sends before it ends, well or not.
type attempt struct {
	responses []*btpb.ReadRowsResponse
	end       error
}

func (s *script) ReadRows(_ *btpb.ReadRowsRequest, stream btpb.Bigtable_ReadRowsServer) error {
	attempts := *s.attempts.Load()
	a := attempts[min(int(s.next.Add(1)), len(attempts))-1]
	for _, r := range a.responses {
		if err := stream.Send(r); err != nil {
			return err
		}
	}
	return a.end
}

// PingAndWarm is what a client begins with.
func (*script) PingAndWarm(context.Context, *btpb.PingAndWarmRequest) (*btpb.PingAndWarmResponse, error) {
	return &btpb.PingAndWarmResponse{}, nil
}

// readers are two clients of a scripted server: ours, and Google's own.
func readers(t *testing.T) (s *script, ours, theirs *bigtable.Table) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &script{}
	server := grpc.NewServer()
	btpb.RegisterBigtableServer(server, s)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	open := func(more ...option.ClientOption) *bigtable.Table {
		c, err := bigtable.NewClientWithConfig(t.Context(), "p", "i", bigtable.ClientConfig{
			MetricsProvider: bigtable.NoopMetricsProvider{}, DisableDirectAccess: true, DisableSession: true,
		}, append([]option.ClientOption{
			option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(), option.WithGRPCConnectionPool(1),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		}, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c.Open("t")
	}
	return s, open(option.WithGRPCDialOption(readerOption())), open()
}

// read reads with a client; what Google's own client gives is added row by row.
func read(ctx context.Context, table *bigtable.Table, limit int) (*rowReader, error) {
	r := &rowReader{limit: limit}
	err := table.ReadRows(r.in(ctx), bigtable.InfiniteRange(""), func(row bigtable.Row) bool {
		r.add(row)
		return !r.overflow
	})
	return r, r.end(err)
}

// TestReadersAgree: of random answers, whole and broken, ours reads what Google's client reads and refuses what it refuses.
// Wherever an answer is cut it reads the same.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	s, ours, theirs := readers(t)
	refused, rows := 0, 0
	for seed := range uint64(1500) {
		g := &chunks{rand.New(rand.NewPCG(seed, 17))}
		answer := g.answer()
		if seed%3 == 0 {
			g.spoil(answer)
		}
		s.attempts.Store(&[]attempt{{responses: answer}})
		want, wantErr := read(t.Context(), theirs, 1<<20)
		got, err := read(t.Context(), ours, 1<<20)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("seed %d: ours says %v, Google's client %v, of %v", seed, err, wantErr, answer)
		}
		if err != nil {
			refused++
			continue
		}
		rows += len(got.rows)
		s.attempts.Store(&[]attempt{{responses: g.cut(answer)}})
		inPieces, err := read(t.Context(), ours, 1<<20)
		if err != nil {
			t.Fatalf("seed %d, in pieces: %v", seed, err)
		}
		for _, rows := range [][]bigtable.Row{got.rows, inPieces.rows} {
			if diff := cmp.Diff(want.rows, rows, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(bigtable.ReadItem{}, "Labels")); diff != "" {
				t.Fatalf("seed %d: %s", seed, diff)
			}
		}
	}
	if refused < 100 || rows < 1000 {
		t.Errorf("%d answers refused, %d rows read: the answers do not try the readers", refused, rows)
	}
}

// TestAnAttemptThatEndsEarlyCountsForNothing: rows of an attempt that failed are neither lost nor doubled by the next.
func TestAnAttemptThatEndsEarlyCountsForNothing(t *testing.T) {
	t.Parallel()
	s, ours, _ := readers(t)
	g := &chunks{rand.New(rand.NewPCG(1, 2))}
	whole := g.rows(5)
	s.attempts.Store(&[]attempt{
		{responses: []*btpb.ReadRowsResponse{{Chunks: whole[:len(whole)/2]}, {LastScannedRowKey: []byte("zzz")}}, end: status.Error(codes.Unavailable, "")},
		{responses: []*btpb.ReadRowsResponse{{Chunks: whole}}},
	})
	got, err := read(t.Context(), ours, 1<<20)
	if err != nil || len(got.rows) != 5 || s.next.Load() != 2 {
		t.Errorf("%v, %d rows after %d attempts, want 5 after 2", err, len(got.rows), s.next.Load())
	}
}

func TestAReadEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	s, ours, theirs := readers(t)
	g := &chunks{rand.New(rand.NewPCG(3, 4))}
	s.attempts.Store(&[]attempt{{responses: []*btpb.ReadRowsResponse{{Chunks: g.rows(50)}}}})
	for name, table := range map[string]*bigtable.Table{"ours": ours, "Google's": theirs} {
		if got, err := read(t.Context(), table, 10); err != nil || !got.overflow || len(got.rows) == 50 {
			t.Errorf("%s: %v, overflow %t, %d rows", name, err, got.overflow, len(got.rows))
		}
	}
	s.attempts.Store(&[]attempt{{end: status.Error(codes.PermissionDenied, "")}})
	if _, err := read(t.Context(), ours, 10); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a refusal became %v", err)
	}
}

// chunks makes answers.
type chunks struct{ *rand.Rand }

// rows makes chunks of n rows, as a server cuts them.
func (g *chunks) rows(n int) (all []*btpb.ReadRowsResponse_CellChunk) {
	for row := range n {
		var of []*btpb.ReadRowsResponse_CellChunk
		families := []string{"dec", "in", "out", "other"}[g.IntN(4):]
		if g.IntN(4) == 0 { // the protocol does not promise that a family comes in one piece
			families = append(families, families[0])
		}
		for _, family := range families {
			for cell := range 1 + g.IntN(3) {
				c := &btpb.ReadRowsResponse_CellChunk{Qualifier: wrapperspb.Bytes(fmt.Appendf(nil, "q%d", cell)), TimestampMicros: g.Int64N(1e12)}
				if cell == 0 {
					c.FamilyName = wrapperspb.String(family)
				} else if g.IntN(4) == 0 {
					c.Qualifier = nil // another version of the same column
				}
				of = append(of, g.split(c)...)
			}
		}
		of[0].RowKey = fmt.Appendf(nil, "row%04d", row)
		of[len(of)-1].RowStatus = &btpb.ReadRowsResponse_CellChunk_CommitRow{CommitRow: true}
		if g.IntN(8) == 0 { // begun, and then sent again
			again := proto.Clone(of[0]).(*btpb.ReadRowsResponse_CellChunk) //nolint:forcetypeassert // it is one
			again.RowStatus = nil
			all = append(all, again, &btpb.ReadRowsResponse_CellChunk{RowStatus: &btpb.ReadRowsResponse_CellChunk_ResetRow{ResetRow: true}})
		}
		all = append(all, of...)
	}
	return all
}

// split gives a cell its value, in one chunk or in several.
func (g *chunks) split(c *btpb.ReadRowsResponse_CellChunk) []*btpb.ReadRowsResponse_CellChunk {
	value := bytes.Repeat([]byte{byte(g.IntN(256))}, g.IntN(40))
	all := []*btpb.ReadRowsResponse_CellChunk{c}
	for len(value) > 1 && g.IntN(3) == 0 {
		last := all[len(all)-1]
		last.Value, last.ValueSize = value[:1], int32(len(value)) //nolint:gosec // it is small
		value = value[1:]
		all = append(all, &btpb.ReadRowsResponse_CellChunk{})
	}
	all[len(all)-1].Value = value
	return all
}

// answer makes responses that end with a row, which Google's client wants.
func (g *chunks) answer() (all []*btpb.ReadRowsResponse) {
	var r *btpb.ReadRowsResponse
	for _, c := range g.rows(g.IntN(6)) {
		if r == nil {
			r = &btpb.ReadRowsResponse{}
			all = append(all, r)
		}
		if r.Chunks = append(r.Chunks, c); c.GetCommitRow() && g.IntN(2) == 0 {
			r = nil
		}
	}
	return all
}

// cut cuts responses anywhere, as the protocol allows.
func (g *chunks) cut(answer []*btpb.ReadRowsResponse) (all []*btpb.ReadRowsResponse) {
	for _, r := range answer {
		for list := r.GetChunks(); len(list) > 0; {
			n := 1 + g.IntN(len(list))
			all = append(all, &btpb.ReadRowsResponse{Chunks: list[:n]})
			list = list[n:]
		}
	}
	return all
}

// spoil breaks an answer in one place.
func (g *chunks) spoil(answer []*btpb.ReadRowsResponse) {
	if len(answer) == 0 {
		return
	}
	r := answer[g.IntN(len(answer))]
	i := g.IntN(len(r.GetChunks()))
	c := r.GetChunks()[i]
	switch g.IntN(8) {
	case 0:
		c.RowKey = []byte("row0000")
	case 1:
		c.RowKey = nil
	case 2:
		c.FamilyName = nil
	case 3:
		c.Qualifier = nil
	case 4:
		c.RowStatus = nil
	case 5:
		c.ValueSize = 0 // Google's client lets the first chunk of a row go on and end the row
		c.RowStatus = &btpb.ReadRowsResponse_CellChunk_CommitRow{CommitRow: true}
	case 6:
		c.RowStatus = &btpb.ReadRowsResponse_CellChunk_ResetRow{ResetRow: true}
	default:
		r.Chunks = slices.Delete(r.GetChunks(), i, i+1)
	}
}

// FuzzChunks: every message that protobuf reads is read the same; nothing panics.
func FuzzChunks(f *testing.F) {
	g := &chunks{rand.New(rand.NewPCG(5, 6))}
	for range 20 {
		for _, r := range g.answer() {
			data, err := proto.Marshal(r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = (&rowReader{limit: 100}).response(data)
		var want btpb.ReadRowsResponse
		if proto.Unmarshal(data, &want) != nil {
			return
		}
		n := 0
		all := field{rest: data}
		for all.next() {
			if all.number != responseChunks || all.kind != protowire.BytesType {
				continue
			}
			c, err := parseChunk(all.bytes)
			if err != nil || n >= len(want.GetChunks()) {
				t.Fatalf("%v: chunk %d of %d", err, n, len(want.GetChunks()))
			}
			if diff := cmp.Diff(told(want.GetChunks()[n]), c, cmp.AllowUnexported(chunk{}), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			n++
		}
		if all.err != nil || n != len(want.GetChunks()) {
			t.Errorf("%v: %d of %d chunks", all.err, n, len(want.GetChunks()))
		}
	})
}

// told is a chunk as protobuf reads it.
func told(c *btpb.ReadRowsResponse_CellChunk) chunk {
	return chunk{
		key: c.GetRowKey(), family: []byte(strings.Clone(c.GetFamilyName().GetValue())), qualifier: c.GetQualifier().GetValue(), value: c.GetValue(),
		hasFamily: c.GetFamilyName() != nil, hasQualifier: c.GetQualifier() != nil, at: c.GetTimestampMicros(), size: int(c.GetValueSize()),
		reset: c.GetResetRow(), commit: c.GetCommitRow(),
	}
}
