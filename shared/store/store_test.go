package store_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/bigtable/bttest"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// forever outlasts the fixed event times of the suite.
const forever = 100 * 365 * 24 * time.Hour

// server starts an in-process Bigtable and returns the options that reach it.
func server(tb testing.TB) []option.ClientOption {
	tb.Helper()
	s, err := bttest.NewServer("127.0.0.1:0", pixtest.OneWriter()...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return reach(s.Addr)
}

func reach(addr string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(addr), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// config names a table of the test's own. The deadline of a call is one that a busy machine keeps.
func config(tb testing.TB) store.Config {
	tb.Helper()
	table := strings.NewReplacer("/", "-", " ", "-", "#", "-").Replace(tb.Name())
	return store.Config{
		ProjectID: "test", InstanceID: "test", Table: table[max(0, len(table)-50):], CallTimeout: 30 * time.Second,
	}
}

// open creates the table and opens a store on it.
func open(tb testing.TB, cfg store.Config, opts []option.ClientOption, extra ...option.ClientOption) *store.Store {
	tb.Helper()
	keep := store.Retention{Events: forever}
	if err := store.CreateSchema(tb.Context(), cfg, keep, opts...); err != nil {
		tb.Fatal(err)
	}
	s, err := store.Open(tb.Context(), cfg, append(opts[:len(opts):len(opts)], extra...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, clock func() time.Time) engine.Store {
		t.Helper()
		cfg := config(t)
		cfg.Clock = clock
		return open(t, cfg, server(t))
	})
}

// The same suite against Google's emulator process, where one runs. Run it alone (-run ConformanceOfEmulator): the
// client prefers the variable to the endpoints and interceptors of the other tests.
func TestConformanceOfEmulator(t *testing.T) {
	t.Parallel()
	addr := os.Getenv("BIGTABLE_EMULATOR_HOST")
	if addr == "" {
		t.Skip("BIGTABLE_EMULATOR_HOST is not set: no second implementation of Bigtable here")
	}
	storetest.Run(t, func(t *testing.T, clock func() time.Time) engine.Store {
		t.Helper()
		cfg := config(t)
		cfg.Clock = clock
		dropTable(t, cfg, reach(addr))
		return open(t, cfg, reach(addr))
	})
}

// dropTable forgets what an earlier run left in a lasting emulator.
func dropTable(t *testing.T, cfg store.Config, opts []option.ClientOption) {
	t.Helper()
	admin, err := bigtable.NewAdminClient(t.Context(), cfg.ProjectID, cfg.InstanceID, opts...)
	must(t, err)
	if err := admin.DeleteTable(t.Context(), cfg.Table); err != nil && status.Code(err) != codes.NotFound {
		t.Error(err)
	}
	must(t, admin.Close())
}

func TestCallsPerPayment(t *testing.T) {
	t.Parallel()
	calls := fault.New()
	s := open(t, config(t), server(t), calls.ClientOptions()...)
	warm := calls.Calls("*")
	const payments = 20
	for n := range payments {
		tx := storetest.Payment(n, n%3, n%5)
		tx.Payer.Account = storetest.Rotated(pix.AccountToken, n%3)
		must(t, s.Record(t.Context(), &tx))
		_, _, err := s.Read(t.Context(), &tx)
		must(t, err)
		_, err = s.Commit(t.Context(), storetest.Decision(&tx, "x"))
		must(t, err)
	}
	for _, method := range []string{"MutateRows", "ReadRows", "CheckAndMutateRow"} {
		if got := calls.Calls(method); got != payments {
			t.Errorf("%s was called %d times for %d payments", method, got, payments)
		}
	}
	if got := calls.Calls("*") - warm; got != 3*payments {
		t.Errorf("%d calls for %d payments, want 3 each", got, payments)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func TestExpiredEventsAreCollected(t *testing.T) {
	t.Parallel()
	opts, cfg := server(t), config(t)
	must(t, store.CreateSchema(t.Context(), cfg, store.Retention{Events: time.Hour}, opts...))
	s := open(t, cfg, opts)
	old, fresh := storetest.Payment(1, 10, 20), storetest.Payment(2, 10, 20)
	fresh.EventTime = time.Now().UTC().Truncate(time.Millisecond)
	wakeCollector(t, cfg, opts)
	must(t, s.Record(t.Context(), &old))
	must(t, s.Record(t.Context(), &fresh))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		h, _, err := s.Read(t.Context(), &fresh)
		must(t, err)
		if len(h.Payer.Out.Events) == 1 && h.Payer.Out.Events[0].ID == fresh.ID {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events are left, want the fresh one", len(h.Payer.Out.Events))
		}
	}
}

// Every family has a policy: nothing stays for ever but the newest version of what has one.
func TestGarbageCollectionPolicies(t *testing.T) {
	t.Parallel()
	opts, cfg := server(t), config(t)
	must(t, store.CreateSchema(t.Context(), cfg, store.Retention{}, opts...))
	admin, err := bigtable.NewAdminClient(t.Context(), cfg.ProjectID, cfg.InstanceID, opts...)
	must(t, err)
	info, err := admin.TableInfo(t.Context(), cfg.Table)
	must(t, err)
	must(t, admin.Close())
	got := map[string]string{}
	for _, f := range info.FamilyInfos {
		got[f.Name] = f.GCPolicy
	}
	want := map[string]string{
		"out": "age() > 31d", "in": "age() > 31d", "use": "age() > 31d", "mark": "age() > 400d", "dec": "age() > 90d",
		"pend": "age() > 7d", "first": "versions() > 1", "meta": "versions() > 1",
		"tile": "(versions() > 1 || age() > 31d)", "late": "(versions() > 1 || age() > 31d)",
		"hot": "(versions() > 1 || age() > 32d)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("policies (-want +got):\n%s", d)
	}
}

// wakeCollector changes a policy of no concern: bttest collects only after one was changed, never after a creation.
func wakeCollector(t *testing.T, cfg store.Config, opts []option.ClientOption) {
	t.Helper()
	admin, err := bigtable.NewAdminClient(t.Context(), cfg.ProjectID, cfg.InstanceID, opts...)
	must(t, err)
	must(t, admin.SetGCPolicy(t.Context(), cfg.Table, "dec", bigtable.MaxAgePolicy(forever)))
	must(t, admin.Close())
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), store.Config{CallTimeout: -1})
	if err == nil || pix.KindOf(err) != pix.Invalid {
		t.Fatalf("Open: %v, want kind invalid", err)
	}
	for _, part := range []string{"project id", "instance id", "call timeout"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not mention the %s: %v", part, err)
		}
	}
}

func TestRecordRefusesWhatCannotBeAQualifier(t *testing.T) {
	t.Parallel()
	s := open(t, config(t), server(t))
	tx := storetest.Payment(1, 10, 20)
	tx.EventTime = time.UnixMilli(-1)
	if err := s.Record(t.Context(), &tx); pix.KindOf(err) != pix.Invalid || err == nil {
		t.Errorf("Record before 1970: %v, want kind invalid", err)
	}
	report := storetest.Label(&tx, 5, true)
	if err := s.MarkFraud(t.Context(), &tx, &report); pix.KindOf(err) != pix.Invalid || err == nil {
		t.Errorf("MarkFraud of a payment before 1970: %v, want kind invalid", err)
	}
}
