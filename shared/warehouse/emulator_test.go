//go:build !race

package warehouse_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// countAppends counts the append requests that leave the process.
func countAppends(n *atomic.Int64) option.ClientOption {
	return option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(
		func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			s, err := streamer(ctx, desc, cc, method, opts...)
			return countingStream{s, n}, err
		}))
}

type countingStream struct {
	grpc.ClientStream
	n *atomic.Int64
}

func (s countingStream) SendMsg(m any) error {
	if _, ok := m.(*storagepb.AppendRowsRequest); ok {
		s.n.Add(1)
	}
	return s.ClientStream.SendMsg(m)
}

// startEmulator returns a project with the schema in place and a client to query it.
func startEmulator(t *testing.T) (*pixtest.Cloud, warehouse.Config, *bigquery.Client) {
	t.Helper()
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{BigQuery: bq.Start})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	// On a busy machine the emulator is slower than BigQuery may be.
	cfg := warehouse.Config{ProjectID: cloud.ProjectID, Dataset: "fraud", AppendTimeout: 5 * time.Minute}
	for range 2 { // the second time everything exists
		if err := warehouse.EnsureSchema(t.Context(), cfg, cloud.BigQueryOptions()...); err != nil {
			t.Fatal(err)
		}
	}
	client, err := bigquery.NewClient(t.Context(), cloud.ProjectID, cloud.BigQueryOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return cloud, cfg, client
}

// row is what the test reads back of a decision.
type row struct {
	ID         string               `bigquery:"end_to_end_id"`
	EventTime  time.Time            `bigquery:"event_time"`
	Outcome    string               `bigquery:"outcome"`
	Amount     int64                `bigquery:"amount_centavos"`
	Payer      string               `bigquery:"payer_account"`
	Payee      string               `bigquery:"payee_account"`
	Vector     string               `bigquery:"vector"`
	Facts      string               `bigquery:"facts"`
	PayerScore bigquery.NullFloat64 `bigquery:"payer_score"`
	PayerRaw   bigquery.NullFloat64 `bigquery:"payer_raw"`
	Receiver   bigquery.NullFloat64 `bigquery:"receiver_score"`
	Missing    bool                 `bigquery:"features_missing"`
	TraceID    string               `bigquery:"trace_id"`
}

// rowOf is what should come back, written down apart from the encoder.
func rowOf(d *pix.Decision) row {
	tx := &d.Transaction
	r := row{
		ID: string(tx.ID), EventTime: tx.EventTime, Outcome: string(d.Outcome), Amount: int64(tx.Amount),
		Payer: string(tx.Payer.Account.Current), Payee: string(tx.Payee.Account.Current), Missing: d.FeaturesMissing, TraceID: d.TraceID,
	}
	for _, score := range d.Scores {
		switch score.Role {
		case pix.PayerRole:
			r.PayerScore, r.PayerRaw = present(score.Probability), present(score.Raw)
		case pix.ReceiverRole:
			r.Receiver = present(score.Probability)
		}
	}
	return r
}

func present(f float64) bigquery.NullFloat64 { return bigquery.NullFloat64{Float64: f, Valid: true} }

// vectorOf reads the JSON column back into the vector as served.
func vectorOf(t *testing.T, column string) []float64 {
	t.Helper()
	var list []*float64
	if err := json.Unmarshal([]byte(column), &list); err != nil {
		t.Fatal(err)
	}
	vector := make([]float64, len(list))
	for i, f := range list {
		vector[i] = math.NaN()
		if f != nil {
			vector[i] = *f
		}
	}
	return vector
}

const columnsOfRow = "end_to_end_id, event_time, outcome, amount_centavos, payer_account, payee_account, vector, facts, payer_score, payer_raw, receiver_score, features_missing, trace_id"

func TestEveryRowIsInTheTableExactlyAsSent(t *testing.T) {
	t.Parallel()
	cloud, cfg, client := startEmulator(t)
	var appends atomic.Int64
	w, err := warehouse.Open(t.Context(), cfg, append(cloud.BigQueryStorageOptions(), countAppends(&appends))...)
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	start := time.Now()
	for i, err := range appendAll(t.Context(), w, seedsTo(n)...) {
		if err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	t.Logf("%d rows in %d appends, %.0f rows/s into the emulator", n, appends.Load(), n/time.Since(start).Seconds())
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := appends.Load(); got > n/20 {
		t.Errorf("%d appends for %d rows", got, n)
	}
	it, err := client.Query("SELECT " + columnsOfRow + " FROM fraud.decisions").Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]row{}
	for {
		var r row
		err := it.Next(&r)
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := got[r.ID]; twice {
			t.Errorf("%s is there twice", r.ID)
		}
		got[r.ID] = r
	}
	if len(got) != n {
		t.Errorf("%d rows, want %d", len(got), n)
	}
	for seed := range n {
		d := sampleDecision(seed)
		want, have := rowOf(d), got[string(d.ID())]
		if diff := cmp.Diff(d.Vector, vectorOf(t, have.Vector), cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("vector of row %d (-want +got):\n%s", seed, diff)
		}
		checkFacts(t, d, have.Facts)
		have.Vector, have.Facts = "", ""
		if diff := cmp.Diff(want, have); diff != "" {
			t.Fatalf("row %d (-want +got):\n%s", seed, diff)
		}
	}
}

// checkFacts compares some facts of each kind.
func checkFacts(t *testing.T, d *pix.Decision, column string) {
	t.Helper()
	var facts struct {
		Purpose string `json:"purpose"`
		Payer   struct {
			Balance *int64 `json:"balance_centavos"`
			Trusted *bool  `json:"trusted_payee"`
		} `json:"payer"`
		Device struct {
			FirstSeen *time.Time `json:"first_seen_at"`
		} `json:"device"`
		DICT struct {
			Settlements struct {
				D30 *int64 `json:"d30"`
			} `json:"settlements"`
		} `json:"dict"`
	}
	if err := json.Unmarshal([]byte(column), &facts); err != nil {
		t.Fatal(err)
	}
	tx := &d.Transaction
	type kept struct {
		Purpose string
		Balance pix.Money
		Trusted *bool
		Seen    *time.Time
		Settled *int64
	}
	balance, _ := tx.PayerFacts.Balance.Get()
	want := kept{string(tx.Purpose), balance, pointer(tx.PayerFacts.TrustedPayee), pointer(tx.Device.FirstSeenAt), pointer(tx.DICT.Settlements.D30)}
	got := kept{facts.Purpose, pix.Money(*facts.Payer.Balance), facts.Payer.Trusted, facts.Device.FirstSeen, facts.DICT.Settlements.D30}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("facts of %s (-want +got):\n%s", d.ID(), diff)
	}
}

func pointer[T any](o pix.Optional[T]) *T {
	if v, ok := o.Get(); ok {
		return &v
	}
	return nil
}

// Alerts, labels and decisions share one process and must not end in each other's tables; the views show one row each.
func TestTablesAndViews(t *testing.T) {
	t.Parallel()
	cloud, cfg, client := startEmulator(t)
	w, err := warehouse.Open(t.Context(), cfg, cloud.BigQueryStorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	d := sampleDecision(1)
	at := d.Transaction.EventTime
	for i := range 3 {
		alert := pix.Alert{ID: d.ID(), EventTime: at, RaisedAt: at.Add(time.Duration(i) * time.Second), Outcome: pix.Review, Amount: 12345, Score: math.NaN(), Reasons: d.Reasons, HoldUntil: at.Add(time.Hour)}
		label := pix.Label{ID: d.ID(), EventTime: at, ArrivedAt: at.Add(time.Duration(i) * time.Hour), Fraud: i == 2, Typology: pix.MuleAccount, Source: "MED", Amount: 99}
		for name, err := range map[string]error{
			"decision": w.AppendDecision(t.Context(), d), "alert": w.AppendAlert(t.Context(), &alert), "label": w.AppendLabel(t.Context(), &label),
		} {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	filter := " WHERE event_time >= TIMESTAMP '2026-11-20 00:00:00+00'"
	for query, want := range map[string][]bigquery.Value{
		"SELECT COUNT(*) FROM fraud.decisions" + filter:                                                 {int64(3)},
		"SELECT COUNT(*) FROM fraud.alerts" + filter:                                                    {int64(3)},
		"SELECT COUNT(*) FROM fraud.labels" + filter:                                                    {int64(3)},
		"SELECT COUNT(*), MAX(amount_brl) FROM fraud.decisions_latest" + filter:                         {int64(1), big.NewRat(int64(d.Transaction.Amount), 100)},
		"SELECT COUNT(*), MIN(raised_at), LOGICAL_AND(score IS NULL) FROM fraud.alerts_latest" + filter: {int64(1), at, true},
		"SELECT COUNT(*), MIN(arrived_at), LOGICAL_AND(fraud) FROM fraud.labels_latest" + filter:        {int64(1), at.Add(2 * time.Hour), true},
	} {
		it, err := client.Query(query).Read(t.Context())
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var got []bigquery.Value
		if err := it.Next(&got); err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// Everything that a person may type first must work, also with the client's struct decoding.
func TestSelectStar(t *testing.T) {
	t.Parallel()
	cloud, cfg, client := startEmulator(t)
	w, err := warehouse.Open(t.Context(), cfg, cloud.BigQueryStorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AppendDecision(t.Context(), sampleDecision(1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	it, err := client.Query("SELECT * FROM fraud.decisions_latest WHERE event_time >= TIMESTAMP '2026-11-20 00:00:00+00'").Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bigquery.Value{}
	if err := it.Next(&got); err != nil {
		t.Fatal(err)
	}
	if got["end_to_end_id"] != string(sampleDecision(1).ID()) {
		t.Errorf("row is %v", got)
	}
}

func TestSchemaHasPartitionsAndClusters(t *testing.T) {
	t.Parallel()
	_, _, client := startEmulator(t)
	for _, table := range []string{"decisions", "alerts", "labels"} {
		md, err := client.Dataset("fraud").Table(table).Metadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if md.TimePartitioning == nil || md.TimePartitioning.Field != "event_time" || md.TimePartitioning.Type != bigquery.DayPartitioningType {
			t.Errorf("%s is not partitioned by the day of event_time: %+v", table, md.TimePartitioning)
		}
		if !md.RequirePartitionFilter {
			t.Errorf("%s does not require a partition filter", table)
		}
		if md.Clustering == nil || len(md.Clustering.Fields) == 0 {
			t.Errorf("%s is not clustered", table)
		}
	}
}
