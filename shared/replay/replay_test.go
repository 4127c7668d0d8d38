package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// payments simulates a small log.
func payments(seed uint64) []pix.Submission {
	w := world.New(world.Params{Seed: seed, Accounts: 300, Days: 3, FraudBoost: 200})
	var log []pix.Submission
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		log = append(log, e.Submission)
	}
	return log
}

func lines(t *testing.T, log []pix.Submission) []byte {
	t.Helper()
	var b bytes.Buffer
	for i := range log {
		line, err := event.EncodeSubmissionJSON(&log[i])
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// served is what a row says, with vectors as bits so that NaN compares.
type served struct {
	ID     pix.EndToEndID
	Vector []uint64
}

func bits(v []float64) []uint64 {
	out := make([]uint64, len(v))
	for i, x := range v {
		out[i] = math.Float64bits(x)
	}
	return out
}

func replayed(t *testing.T, cfg replay.Config, log []byte) ([]served, replay.Stats) {
	t.Helper()
	var rows []served
	stats, err := replay.Run(t.Context(), cfg, replay.NewLines(bytes.NewReader(log)), func(r *replay.Row) error {
		rows = append(rows, served{r.Transaction.ID, bits(r.Vector)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, stats
}

// reference is the single-threaded oracle: sort by arrival, then write and read one after the other.
func reference(t *testing.T, log []pix.Submission) []served {
	t.Helper()
	visible := func(s *pix.Submission) time.Time {
		if s.ReceivedAt.IsZero() {
			return s.EventTime
		}
		return s.ReceivedAt
	}
	log = slices.Clone(log)
	slices.SortStableFunc(log, func(a, b pix.Submission) int { return visible(&a).Compare(visible(&b)) })
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	set, err := feature.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	store := memory.New(func() time.Time { return time.Time{} })
	var rows []served
	for i := range log {
		tx := tokenizer.Tokenize(&log[i])
		if err := store.Record(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
		h, _, err := store.Read(t.Context(), &tx)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, served{tx.ID, bits(set.Vector(nil, &tx, &h))})
	}
	return rows
}

func TestReplayServesInOrderOfArrival(t *testing.T) {
	t.Parallel()
	log := payments(1)
	if len(log) < 300 {
		t.Fatalf("only %d payments", len(log))
	}
	for i := range log { // most arrive at once, some a second, some hours late
		switch i % 7 {
		case 1:
			log[i].ReceivedAt = log[i].EventTime.Add(time.Duration(i%900) * time.Millisecond)
		case 3:
			log[i].ReceivedAt = log[i].EventTime.Add(time.Duration(i%5) * time.Hour)
		}
	}
	want := reference(t, log)
	for _, workers := range []int{1, 4} {
		got, stats := replayed(t, replay.Config{Workers: workers}, lines(t, log))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: vectors differ from the reference (-want +got):\n%.2000s", workers, diff)
		}
		if stats.Malformed.Lines != 0 || stats.Events != len(log) {
			t.Errorf("%d workers: %+v", workers, stats)
		}
	}
}

// TestTheFirstVisibleIsServed: copies of one payment stand in the log in any order; the one that became visible first is
// served, at its moment.
func TestTheFirstVisibleIsServed(t *testing.T) {
	t.Parallel()
	log := payments(7)
	want := reference(t, log)
	var copies []pix.Submission
	for i := range log {
		for n := range i % 3 {
			again := log[i]
			if again.ReceivedAt.IsZero() {
				again.ReceivedAt = again.EventTime
			}
			again.ReceivedAt = again.ReceivedAt.Add(time.Duration(1+n) * 40 * time.Minute)
			copies = append(copies, again)
		}
		copies = append(copies, log[i])
	}
	got, stats := replayed(t, replay.Config{}, lines(t, copies))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("vectors differ from those of the log without copies (-want +got):\n%.2000s", diff)
	}
	if stats.Duplicates != len(copies)-len(log) {
		t.Errorf("%d copies, %+v", len(copies)-len(log), stats)
	}
}

// TestNoLookAhead: what comes later in the log must not change a vector that was already served.
func TestNoLookAhead(t *testing.T) {
	t.Parallel()
	log := payments(2)
	all, _ := replayed(t, replay.Config{}, lines(t, log))
	half, _ := replayed(t, replay.Config{}, lines(t, log[:len(log)/2]))
	if diff := cmp.Diff(all[:len(half)], half); diff != "" {
		t.Errorf("the second half of the log changed the first (-all +half):\n%.2000s", diff)
	}
}

func TestBadLinesAreCountedAndLeftOut(t *testing.T) {
	t.Parallel()
	log := payments(3)[:20]
	good := lines(t, log)
	nan := bytes.Replace(bytes.SplitAfter(good, []byte("\n"))[0], []byte(`"amountCentavos":"`), []byte(`"amountCentavos":"-`), 1)
	bad := slices.Concat(good, []byte("{broken\n\n[]\n"), nan, []byte(strings.Repeat("x", event.MaxDataBytes+2)+"\n"), good[:bytes.IndexByte(good, '\n')])
	rows, stats := replayed(t, replay.Config{}, bad)
	if len(rows) != 20 || stats.Malformed.Lines != 4 || stats.Duplicates != 1 {
		t.Errorf("%d rows, %+v", len(rows), stats)
	}
	var at []int
	for _, p := range stats.Malformed.First {
		at = append(at, p.Line)
		if p.Err == nil || strings.Contains(p.Err.Error(), "broken") {
			t.Errorf("line %d: %v must have a reason and must not quote the line", p.Line, p.Err)
		}
	}
	if diff := cmp.Diff([]int{21, 23, 24, 25}, at); diff != "" {
		t.Errorf("lines of the problems (-want +got):\n%s", diff)
	}
}

func TestLabelsInForceAndWeights(t *testing.T) {
	t.Parallel()
	log := payments(4)[:3]
	label := func(i int, hours int, fraud bool, typology string) string {
		return fmt.Sprintf(`{"endToEndId":%q,"eventTime":%q,"arrivedAt":%q,"fraud":%t,"typology":%q,"source":"LABEL_SOURCE_MED"}`+"\n",
			log[i].ID, log[i].EventTime.Format(time.RFC3339Nano),
			log[i].EventTime.Add(time.Duration(hours)*time.Hour).Format(time.RFC3339Nano), fraud, typology)
	}
	text := label(0, 2, true, "fake_bank_call") + label(1, 50, false, "") + label(1, 1, true, "swapped_qr") + strings.Repeat("{nonsense\n", 1000)
	labels, malformed, err := replay.ReadLabels(replay.NewLines(strings.NewReader(text)))
	if err != nil || malformed.Lines != 1000 || malformed.First[0].Line != 4 {
		t.Fatalf("%v, error %v", malformed, err)
	}
	if kept := len(malformed.First); kept > 10 {
		t.Errorf("%d malformed lines are kept", kept)
	}
	type row struct {
		Label  string
		Weight float64
	}
	var got []row
	cfg := replay.Config{Labels: labels, Weights: map[pix.EndToEndID]float64{log[0].ID: 0.01}}
	stats, err := replay.Run(t.Context(), cfg, replay.NewLines(bytes.NewReader(lines(t, log))), func(r *replay.Row) error {
		text := "none"
		if r.Label != nil {
			text = fmt.Sprintf("%t %s %s", r.Label.Fraud, r.Label.Typology, r.Label.ArrivedAt.Sub(r.Transaction.EventTime))
		}
		got = append(got, row{text, r.Weight})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []row{{"true fake_bank_call 2h0m0s", 0.01}, {"false  50h0m0s", 1}, {"none", 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if stats.Labelled != 2 || stats.Fraud != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestRunStopsCleanly(t *testing.T) {
	t.Parallel()
	log := lines(t, payments(5))
	stop := errors.New("stop")
	_, err := replay.Run(t.Context(), replay.Config{}, replay.NewLines(bytes.NewReader(log)), func(*replay.Row) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("error %v, want the visitor's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = replay.Run(ctx, replay.Config{}, replay.NewLines(bytes.NewReader(log)), func(*replay.Row) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
}

func TestTooMuchWaits(t *testing.T) {
	t.Parallel()
	log := payments(6)[:50]
	for i := range log {
		log[i].ReceivedAt = log[i].EventTime.Add(11 * time.Hour)
	}
	_, err := replay.Run(t.Context(), replay.Config{MaxHeld: 10}, replay.NewLines(bytes.NewReader(lines(t, log))), func(*replay.Row) error { return nil })
	if err == nil {
		t.Error("a log that needs more room than it may have was replayed")
	}
}

func FuzzRun(f *testing.F) {
	f.Add([]byte("{}\n{\"endToEndId\":\"E\"}\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		_, err := replay.Run(t.Context(), replay.Config{Workers: 1}, replay.NewLines(bytes.NewReader(log)), func(*replay.Row) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
	})
}
