package fault_test

import (
	"context"
	"testing"
	"time"

	"cloud.google.com/go/bigtable/admin/apiv2/adminpb"
	"cloud.google.com/go/bigtable/apiv2/bigtablepb"
	"cloud.google.com/go/bigtable/bttest"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"go.uber.org/goleak"
	"google.golang.org/api/option"
	gtransport "google.golang.org/api/transport/grpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// dial connects as a cloud client does, through client options.
func dial(t *testing.T, endpoint string, i *fault.Injector) *grpc.ClientConn {
	t.Helper()
	options := append(i.ClientOptions(), option.WithEndpoint(endpoint), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	conn, err := gtransport.DialInsecure(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

const table = "projects/p/instances/i/tables/t"

func newTable(t *testing.T, i *fault.Injector) bigtablepb.BigtableClient {
	t.Helper()
	server, err := bttest.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	conn := dial(t, server.Addr, i)
	_, err = adminpb.NewBigtableTableAdminClient(conn).CreateTable(t.Context(), &adminpb.CreateTableRequest{
		Parent: "projects/p/instances/i", TableId: "t",
		Table: &adminpb.Table{ColumnFamilies: map[string]*adminpb.ColumnFamily{"f": {}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return bigtablepb.NewBigtableClient(conn)
}

func setCell() []*bigtablepb.Mutation {
	return []*bigtablepb.Mutation{{Mutation: &bigtablepb.Mutation_SetCell_{SetCell: &bigtablepb.Mutation_SetCell{
		FamilyName: "f", ColumnQualifier: []byte("q"), Value: []byte("v"),
	}}}}
}

func mutateRow(ctx context.Context, c bigtablepb.BigtableClient, key string) error {
	_, err := c.MutateRow(ctx, &bigtablepb.MutateRowRequest{TableName: table, RowKey: []byte(key), Mutations: setCell()})
	return err
}

// mutateRows is a server-streaming call.
func mutateRows(ctx context.Context, c bigtablepb.BigtableClient, key string) error {
	stream, err := c.MutateRows(ctx, &bigtablepb.MutateRowsRequest{
		TableName: table, Entries: []*bigtablepb.MutateRowsRequest_Entry{{RowKey: []byte(key), Mutations: setCell()}},
	})
	if err != nil {
		return err
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if err.Error() == "EOF" {
		return nil
	}
	return err
}

func hasRow(t *testing.T, c bigtablepb.BigtableClient, key string) bool {
	t.Helper()
	stream, err := c.ReadRows(t.Context(), &bigtablepb.ReadRowsRequest{
		TableName: table, Rows: &bigtablepb.RowSet{RowKeys: [][]byte{[]byte(key)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	return err == nil && len(response.GetChunks()) > 0
}

func TestFaultsOfCalls(t *testing.T) {
	t.Parallel()
	type call func(context.Context, bigtablepb.BigtableClient, string) error
	calls := map[string]call{"MutateRow": mutateRow, "MutateRows": mutateRows}
	tests := map[string]struct {
		inject func(i *fault.Injector, method string)
		code   codes.Code
		stored bool
	}{
		"lost reply": {func(i *fault.Injector, m string) { i.LoseReply(m, 1) }, codes.Unavailable, true},
		"refused": {
			func(i *fault.Injector, m string) { i.Refuse(m, codes.ResourceExhausted, 1) },
			codes.ResourceExhausted, false,
		},
		"every method refused": {
			func(i *fault.Injector, _ string) { i.Refuse("*", codes.Aborted, 1) }, codes.Aborted, false,
		},
	}
	for name, tc := range tests {
		for method, call := range calls {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				i := fault.New()
				c := newTable(t, i)
				tc.inject(i, method)
				if err := call(t.Context(), c, "first"); status.Code(err) != tc.code {
					t.Errorf("got %v, want %v", err, tc.code)
				}
				if got := hasRow(t, c, "first"); got != tc.stored {
					t.Errorf("stored %v, want %v", got, tc.stored)
				}
				if err := call(t.Context(), c, "second"); err != nil {
					t.Errorf("the fault stayed: %v", err)
				}
				if n := i.Calls(method); n != 2 {
					t.Errorf("%d calls counted, want 2", n)
				}
			})
		}
	}
}

func TestDownAndRestore(t *testing.T) {
	t.Parallel()
	i := fault.New()
	c := newTable(t, i)
	i.Down("MutateRow")
	for range 3 {
		if err := mutateRow(t.Context(), c, "r"); status.Code(err) != codes.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if err := mutateRows(t.Context(), c, "r"); err != nil {
		t.Errorf("another method fails too: %v", err)
	}
	i.Restore("MutateRow")
	if err := mutateRow(t.Context(), c, "r"); err != nil {
		t.Error(err)
	}
	if err := i.Await(t.Context(), "MutateRow", 4); err != nil {
		t.Error(err)
	}
}

func TestDelayHonoursTheDeadline(t *testing.T) {
	t.Parallel()
	i := fault.New()
	c := newTable(t, i)
	i.Delay("MutateRow", 30*time.Millisecond)
	began := time.Now()
	if err := mutateRow(t.Context(), c, "r"); err != nil || time.Since(began) < 30*time.Millisecond {
		t.Errorf("took %v: %v", time.Since(began), err)
	}
	i.Delay("MutateRow", time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := mutateRow(ctx, c, "r"); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}

// TestOpenStreamBreaks checks a bidirectional stream that was open before the fault.
func TestOpenStreamBreaks(t *testing.T) {
	t.Parallel()
	server := pstest.NewServerWithAddress("127.0.0.1:0")
	t.Cleanup(func() { server.Close(); server.Wait() })
	const topic, subscription = "projects/p/topics/t", "projects/p/subscriptions/s"
	if _, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	_, err := server.GServer.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	i := fault.New()
	client := pubsubpb.NewSubscriberClient(dial(t, server.Addr, i))
	open := func() pubsubpb.Subscriber_StreamingPullClient {
		stream, err := client.StreamingPull(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first := &pubsubpb.StreamingPullRequest{Subscription: subscription, StreamAckDeadlineSeconds: 10}
		if err := stream.Send(first); err != nil {
			t.Fatal(err)
		}
		return stream
	}
	stream := open()
	i.Down("StreamingPull")
	if err := stream.Send(&pubsubpb.StreamingPullRequest{}); err == nil {
		t.Error("a message was sent to a service that is away")
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	i.Restore("StreamingPull")

	stream = open()
	i.LoseReply("StreamingPull", 1)
	server.Publish(topic, []byte("x"), nil)
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	if deliveries := server.Message("m0").Deliveries; deliveries != 1 {
		t.Errorf("delivered %d times, want 1: the server must have done its part", deliveries)
	}
}
