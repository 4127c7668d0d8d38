package stack_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestShortWaysChangeNoDecision: what the demo decides and writes without connections is what it would with them, and a
// failure that is injected comes before the short way.
func TestShortWaysChangeNoDecision(t *testing.T) {
	t.Parallel()
	payments := simulate(t, world.Params{Seed: 12, Accounts: 300, Days: 2, FraudBoost: 400}, 80)
	var intercepted atomic.Int64
	counting := option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(
		func(ctx context.Context, d *grpc.StreamDesc, cc *grpc.ClientConn, m string, next grpc.Streamer, o ...grpc.CallOption) (grpc.ClientStream, error) {
			intercepted.Add(1)
			return next(ctx, d, cc, m, o...)
		}))
	run := func(o stack.Options) (decided, rows []string) {
		s := start(t, o)
		kafka := newProducer(t, s)
		for _, sub := range payments { // one after the other: the history of each is the same
			kafka.send(t, sub)
			d := decisionsOf(t, s, []*pix.Transaction{{Facts: sub.Facts}})[0]
			decided = append(decided, string(d.ID())+" "+string(d.Outcome)+" "+d.ModelVersion()+" "+d.PolicyVersion)
		}
		await(t, "a row of every decision", func() bool {
			rows = slices.Compact(column(t, s, "decisions_latest", "CONCAT(end_to_end_id, ' ', outcome)"))
			return len(rows) == len(payments)
		})
		return decided, rows
	}
	policy := eagerPolicy(t)
	decided, rows := run(stack.Options{Policy: policy})
	short, shortRows := run(stack.Options{Policy: policy, InProcess: true, Bigtable: []option.ClientOption{counting}})
	if diff := cmp.Diff([][]string{decided, rows}, [][]string{short, shortRows}); diff != "" {
		t.Errorf("-with connections +without:\n%s", diff)
	}
	if intercepted.Load() == 0 {
		t.Error("the short way came before what was to intercept it")
	}
}
