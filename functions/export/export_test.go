package export_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

const margin = time.Minute

// row is what a test writes; its payment happened at its stamp.
type row struct {
	id string
	at time.Time
}

// world is a warehouse of labels, a lake in a directory and a clock.
type world struct {
	rows   map[string][]row // by table
	now    time.Time
	root   string
	away   int // rows after which BigQuery goes away; negative never
	around func(op string) error
	margin time.Duration
	late   atomic.Int64 // rows that the ticks have told to be late

	decided func(from, until time.Time) (int64, error) // nil: none
}

// Decided counts as BigQuery does.
func (w *world) Decided(_ context.Context, from, until time.Time) (int64, error) {
	if w.decided == nil {
		return 0, nil
	}
	return w.decided(from, until)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		rows: map[string][]row{}, now: time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC), root: t.TempDir(), away: -1, margin: margin,
		around: func(string) error { return nil },
	}
}

func (w *world) write(table string, ago time.Duration, ids ...string) {
	for _, id := range ids {
		w.rows[table] = append(w.rows[table], row{id, w.now.Add(-ago)})
	}
}

// Count counts as BigQuery does.
func (w *world) Count(_ context.Context, table string, since, from, end, ahead int64) (warehouse.Counts, error) {
	var c warehouse.Counts
	bucket := lake.TallyBucket.Microseconds()
	slot := func(list *[]warehouse.Slice, s warehouse.Slice) {
		i := slices.IndexFunc(*list, func(o warehouse.Slice) bool { return o.From == s.From })
		if i < 0 {
			*list, i = append(*list, s), len(*list)
		}
		(*list)[i].Rows++
	}
	for _, r := range w.rows[table] {
		at := r.at.UnixMicro()
		s := warehouse.Slice{From: at - at%bucket, Until: at - at%bucket + bucket, Last: 1 << 62}
		switch {
		case r.at.IsZero():
			c.Unstamped++
		case at < since, at >= end && at < ahead:
		case at >= ahead:
			c.Ahead++
		case at < from:
			s.Until = min(s.Until, from)
			slot(&c.Before, s)
		default:
			s.From, s.Until = max(s.From, from), min(s.Until, end)
			slot(&c.After, s)
		}
	}
	return c, nil
}

// Rows reads as BigQuery does.
func (w *world) Rows(_ context.Context, table string, s warehouse.Slice) iter.Seq2[[]lake.Value, error] {
	columns, err := warehouse.LakeSchema(table)
	return func(yield func([]lake.Value, error) bool) {
		n := 0
		for _, r := range w.rows[table] {
			if at := r.at.UnixMicro(); at < s.From || at >= s.Until {
				continue
			}
			if n == w.away {
				yield(nil, pix.E(pix.Unavailable, "read", errors.New("away")))
				return
			}
			n++
			values := make([]lake.Value, len(columns))
			for i, f := range columns {
				switch {
				case f.Name == "end_to_end_id":
					values[i] = lake.Text(r.id)
				case f.Name == "event_time", f.Name == "written_at":
					values[i] = lake.Time(r.at)
				case f.Mode == "REPEATED":
					values[i] = lake.List()
				}
			}
			if !yield(values, err) {
				return
			}
		}
	}
}

// Table implements export.Storage.
func (w *world) Table(name string) (lake.Objects, error) {
	o, err := lake.NewDirectory(filepath.Join(w.root, name))
	return &breaking{o, w.around}, err
}

// breaking asks before and after every write.
type breaking struct {
	lake.Objects
	around func(op string) error
}

func (b *breaking) Create(ctx context.Context, name string, data []byte) error {
	if err := b.around("before " + name); err != nil {
		return err
	}
	return errors.Join(b.Objects.Create(ctx, name, data), b.around("after "+name))
}

func (b *breaking) Writer(ctx context.Context, name string) (io.WriteCloser, error) {
	if err := b.around("before " + name); err != nil {
		return nil, err
	}
	return b.Objects.Writer(ctx, name)
}

func (*world) DeadLetter(context.Context, string, bus.Letter) error { return nil }

// tick pushes one tick to an exporter that has just started.
func (w *world) tick(t *testing.T, body string) int {
	t.Helper()
	metrics := prometheus.NewRegistry()
	h, err := export.New(export.Deps{Source: w, Lake: w, Margin: w.margin, Push: push.Deps{
		Gate: pushtest.OpenGate{}, DeadLetters: w, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { return w.now }, Metrics: metrics,
	}})
	if err != nil {
		t.Fatal(err)
	}
	message := fmt.Sprintf(`{"message":{"data":%q,"messageId":"1"}}`, base64.StdEncoding.EncodeToString([]byte(body)))
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(message)))
	found, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.GetName() == "pix_export_late_rows_total" {
			for _, m := range f.GetMetric() {
				w.late.Add(int64(m.GetCounter().GetValue()))
			}
		}
	}
	return r.Code
}

// exported returns the ids of a table of the lake, sorted.
func (w *world) exported(t *testing.T, name string) []string {
	t.Helper()
	objects, err := lake.NewDirectory(filepath.Join(w.root, name))
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(t, objects, name)
}

func idsOf(t *testing.T, objects lake.Objects, name string) []string {
	t.Helper()
	columns, err := warehouse.LakeSchema(name)
	if err != nil {
		t.Fatal(err)
	}
	table, err := lake.Open(t.Context(), objects, name, columns, lake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	held, err := table.Tally(t.Context(), export.AppID, warehouse.WrittenAt, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for hour := range held.Rows {
		for values, err := range table.Rows(t.Context(), held, hour, warehouse.WrittenAt, "end_to_end_id") {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, strings.TrimLeft(string(values[1].AppendKey(nil)[10:]), "\x00"))
		}
	}
	slices.Sort(ids)
	return ids
}

func (w *world) want(t *testing.T, name string, ids ...string) {
	t.Helper()
	if got := w.exported(t, name); !slices.Equal(got, ids) {
		t.Errorf("%s has %v, want %v", name, got, ids)
	}
}

func TestASliceEndsBeforeTheMargin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("labels", 3*time.Hour, "a")
	w.write("labels", 2*time.Minute, "b")
	w.write("labels", 30*time.Second, "c")
	for range 2 { // a repeated tick changes nothing
		if code := w.tick(t, `{}`); code != http.StatusNoContent {
			t.Fatalf("status %d", code)
		}
		w.want(t, "labels", "a", "b")
	}
	w.want(t, "decisions")
	w.now = w.now.Add(time.Minute)
	w.tick(t, `{"tables":["decisions"]}`)
	w.want(t, "labels", "a", "b")
	w.tick(t, `{}`)
	w.want(t, "labels", "a", "b", "c")
}

// TestRowsThatComeLateAreFound: an append that took longer than it may, beside rows of the same hour, twice, and the same
// payment twice.
func TestRowsThatComeLateAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("decisions", 2*time.Hour, "a", "b")
	w.write("decisions", 10*time.Minute, "c")
	w.tick(t, `{}`)
	w.write("decisions", 2*time.Hour, "a", "late") // a second row of a
	w.write("decisions", 10*time.Minute, "later")
	w.now = w.now.Add(time.Minute)
	for range 2 {
		if code := w.tick(t, `{}`); code != http.StatusNoContent {
			t.Fatalf("status %d", code)
		}
		w.want(t, "decisions", "a", "a", "b", "c", "late", "later")
	}
}

func TestBigQueryAwayInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("decisions", 2*time.Hour, "a")
	w.write("decisions", 10*time.Minute, "b", "c")
	w.away = 1
	if code := w.tick(t, `{}`); code != http.StatusServiceUnavailable {
		t.Fatalf("status %d, want that the tick comes again", code)
	}
	w.want(t, "decisions", "a") // the hour before it was whole
	w.away = -1
	w.tick(t, `{}`)
	w.want(t, "decisions", "a", "b", "c")
}

// TestARowThatCannotBeWrittenStopsItsTableAlone.
func TestARowThatCannotBeWrittenStopsItsTableAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("decisions", 2*time.Hour, "good", "no \xff text")
	w.write("labels", 2*time.Hour, "l")
	w.write("alerts", 2*time.Hour, "m")
	if code := w.tick(t, `{}`); code != http.StatusServiceUnavailable {
		t.Fatalf("status %d, want that the tick comes again", code)
	}
	w.want(t, "decisions")
	w.want(t, "labels", "l")
	w.want(t, "alerts", "m")
}

// TestKillAtEveryStep ends the exporter before and after every write; the next tick must leave every row once.
func TestKillAtEveryStep(t *testing.T) {
	t.Parallel()
	errKilled := errors.New("killed")
	for at, kills := 0, true; kills; at++ {
		w := newWorld(t)
		w.write("labels", 3*time.Hour, "a", "b")
		w.write("labels", 2*time.Hour, "c")
		w.tick(t, `{}`)
		w.now = w.now.Add(time.Hour)
		w.write("labels", 4*time.Hour, "late")
		w.write("labels", 10*time.Minute, "d")
		steps := 0
		w.around = func(string) error {
			if steps++; steps > at {
				return errKilled
			}
			return nil
		}
		w.tick(t, `{"tables":["labels"]}`)
		kills = steps > at
		w.around = func(string) error { return nil }
		if code := w.tick(t, `{}`); code != http.StatusNoContent {
			t.Fatalf("killed at %d: status %d", at, code)
		}
		w.want(t, "labels", "a", "b", "c", "d", "late")
	}
}

func TestTwoTicksRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 50 {
		w.write("labels", 3*time.Hour, fmt.Sprintf("e%02d", i))
	}
	w.write("labels", 10*time.Minute, "f")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { w.tick(t, `{}`) })
	}
	all.Wait()
	w.tick(t, `{}`)
	if got := w.exported(t, "labels"); len(got) != 51 || len(slices.Compact(got)) != 51 {
		t.Errorf("%d rows, %d different, want 51", len(got), len(slices.Compact(got)))
	}
}

func TestAnUnknownTableIsADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if code := w.tick(t, `{"tables":["secrets"]}`); code != http.StatusNoContent {
		t.Errorf("status %d, want acknowledged", code)
	}
}
