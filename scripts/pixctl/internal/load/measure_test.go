package load

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigtable/apiv2/bigtablepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Pub/Sub counts the time and the id of a message beside its body and attributes.
const pubsubOverhead = 20 + 17

// meter counts what goes between the store and Bigtable.
type meter struct {
	mu                   sync.Mutex
	on                   bool
	family               map[string]float64 // bytes of cells, uncompressed
	cells                float64
	rowsWritten          float64
	rowsRead, read, sent float64
	calls                float64
}

func (m *meter) options() []option.ClientOption {
	unary := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		m.request(req)
		return next(ctx, method, req, reply, cc, opts...)
	}
	stream := func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		s, err := next(ctx, desc, cc, method, opts...)
		return &metered{s, m}, err
	}
	return []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(unary)),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(stream)),
		option.WithGRPCDialOption(grpc.WithStatsHandler(m)),
	}
}

// metered is a stream that counts.
type metered struct {
	grpc.ClientStream
	meter *meter
}

func (s *metered) SendMsg(m any) error {
	s.meter.request(m)
	return s.ClientStream.SendMsg(m)
}

// readKey marks the calls that read rows.
type readKey struct{}

// TagRPC implements stats.Handler.
func (*meter) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, readKey{}, strings.HasSuffix(info.FullMethodName, "/ReadRows"))
}

// HandleRPC counts the rows that come, as they lie on the wire: whoever reads them may leave the client's message empty.
func (m *meter) HandleRPC(ctx context.Context, event stats.RPCStats) {
	in, ok := event.(*stats.InPayload)
	if reads, _ := ctx.Value(readKey{}).(bool); !ok || !reads {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.on {
		m.read += float64(in.Length)
	}
}

// TagConn implements stats.Handler.
func (*meter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (*meter) HandleConn(context.Context, stats.ConnStats) {}

func (m *meter) request(req any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.on {
		return
	}
	switch r := req.(type) {
	case *bigtablepb.ReadRowsRequest:
		m.rowsRead += float64(len(r.GetRows().GetRowKeys()) + len(r.GetRows().GetRowRanges()))
	case *bigtablepb.MutateRowsRequest:
		for _, e := range r.GetEntries() {
			m.mutations(e.GetRowKey(), e.GetMutations())
		}
	case *bigtablepb.CheckAndMutateRowRequest:
		m.mutations(r.GetRowKey(), slices.Concat(r.GetTrueMutations(), r.GetFalseMutations()))
	case *bigtablepb.MutateRowRequest:
		m.mutations(r.GetRowKey(), r.GetMutations())
	default:
		return
	}
	m.calls++
	m.sent += float64(proto.Size(req.(proto.Message)))
}

// mutations counts one row that is written, but for the row that opens a minute of event time: at the rates of the page
// hundreds of payments share it, while those of the simulation have hardly a minute in common. A cell takes its row's key, its qualifier, its value and eight bytes of time.
func (m *meter) mutations(key []byte, list []*bigtablepb.Mutation) {
	if strings.HasPrefix(string(key), "minute#") {
		return
	}
	m.rowsWritten++
	for _, mutation := range list {
		if c := mutation.GetSetCell(); c != nil {
			m.cells++
			m.family[c.GetFamilyName()] += float64(len(key) + len(c.GetColumnQualifier()) + 8 + len(c.GetValue()))
		}
	}
}

// measure decides n payments after as many that are history, and counts.
func measure(t *testing.T, n int) figures {
	t.Helper()
	m := &meter{family: map[string]float64{}}
	o := &options{plan: plan{rate: float64(n), duration: time.Second}, on: onBigtable, history: n, seed: 1, timeout: time.Minute, bigtable: m.options()}
	l, err := openLocal(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.prepare(n); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.on = true
	m.mu.Unlock()
	var sizes struct{ transaction, decision, row float64 }
	for i := range n {
		tx, err := l.payment(i)
		if err != nil {
			t.Fatal(err)
		}
		d, _, err := l.engine.Decide(t.Context(), engine.Request{Tx: &tx, Arrival: pix.Arrival{Replay: true}, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"})
		if err != nil || d.FeaturesMissing {
			t.Fatalf("payment %d: features missing: %v, %v", i, d != nil && d.FeaturesMissing, err)
		}
		l.queue <- d
		sizes.transaction += counted(event.EncodeTransaction(&tx))
		sizes.decision += counted(event.EncodeDecision(d))
		sizes.row += float64(warehouse.DecisionRowBytes(d))
	}
	if err := l.close(t.Context()); err != nil { // removes the marks of the last ones
		t.Fatal(err)
	}
	per := func(total float64) float64 { return total / float64(n) }
	f := figures{
		{bigtableCalls, per(m.calls)}, {bigtableRowsRead, per(m.rowsRead)}, {"Bigtable: bytes read", per(m.read)},
		{bigtableRowsWritten, per(m.rowsWritten)}, {"Bigtable: bytes sent", per(m.sent)}, {"Bigtable: cells written", per(m.cells)},
	}
	for _, name := range sortedKeys(m.family) {
		f = append(f, figure{familyPrefix + name + "`", per(m.family[name])})
	}
	return append(f,
		figure{pubsubTransaction, per(sizes.transaction)}, figure{pubsubDecision, per(sizes.decision)},
		figure{bigqueryRow, per(sizes.row)})
}

// counted is what Pub/Sub counts of a message that must encode.
func counted(e event.Envelope, err error) float64 {
	if err != nil {
		panic(err)
	}
	n := len(e.Data) + pubsubOverhead
	for k, v := range e.Attributes {
		n += len(k) + len(v)
	}
	return float64(n)
}

func sortedKeys(m map[string]float64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}
