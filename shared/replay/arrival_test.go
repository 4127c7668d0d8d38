package replay_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// arrival is one thing that reached us.
type arrival struct {
	at      int64
	payment *pix.Transaction
	status  *pix.Status
	label   *pix.Label
}

// modelled is the oracle: everything sorted by arrival, statuses and labels before payments of the same millisecond, and
// the naive model in the place of the store.
func modelled(t *testing.T, h *history) []served {
	t.Helper()
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	set, err := feature.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	var all []arrival
	for i := range h.statuses {
		all = append(all, arrival{at: h.statuses[i].OccurredAt.UnixMilli(), status: &h.statuses[i]})
	}
	for i := range h.labels {
		all = append(all, arrival{at: h.labels[i].ArrivedAt.UnixMilli(), label: &h.labels[i]})
	}
	for i := range h.payments {
		tx := tokenizer.Tokenize(&h.payments[i])
		all = append(all, arrival{at: tx.ReceivedAt.UnixMilli(), payment: &tx})
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	model, known, early := storetest.NewModel(), map[pix.EndToEndID]*pix.Transaction{}, map[pix.EndToEndID][]arrival{}
	apply := func(a arrival, id pix.EndToEndID) {
		switch tx := known[id]; {
		case tx == nil:
			early[id] = append(early[id], a)
		case a.status != nil:
			model.MarkStatus(tx, a.status)
		default:
			model.MarkFraud(tx, a.label)
		}
	}
	var rows []served
	for _, a := range all {
		switch {
		case a.status != nil:
			apply(a, a.status.ID)
		case a.label != nil:
			apply(a, a.label.ID)
		default:
			model.Record(a.payment)
			read := model.Read(a.payment)
			rows = append(rows, served{a.payment.ID, bits(set.Vector(nil, a.payment, &read))})
			known[a.payment.ID] = a.payment
			for _, e := range early[a.payment.ID] {
				apply(e, a.payment.ID)
			}
		}
	}
	return rows
}

func TestReplayOfEverythingEqualsTheModel(t *testing.T) {
	t.Parallel()
	h := simulated(world.Params{Seed: 20, Accounts: 300, Days: 10, FraudBoost: 400})
	for i := range h.labels { // reports that arrive while the log lasts
		h.labels[i].ArrivedAt = h.labels[i].EventTime.Add(time.Duration(i%50) * time.Hour)
	}
	want := modelled(t, &h)
	payments, statuses := h.files(t)
	for _, workers := range []int{1, 4} {
		cfg := replay.Config{Workers: workers, Labels: replay.NewLabels(h.labels), Statuses: replay.NewLines(bytes.NewReader(statuses))}
		got, stats := replayed(t, cfg, payments)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: vectors differ from the model (-want +got):\n%.2000s", workers, diff)
		}
		if stats.Marks < 10 || stats.Statuses < len(h.payments)*9/10 || stats.Unknown > 0 || stats.Malformed.Lines+stats.MalformedStatuses.Lines > 0 {
			t.Errorf("%+v", stats)
		}
	}
}

// A label takes effect when it arrived, never at the time of the fraud; a status when it occurred.
func TestStatusesAndLabelsTakeEffectWhenTheyArrive(t *testing.T) {
	t.Parallel()
	log := payments(8)[:1]
	first := log[0]
	for i, after := range []time.Duration{time.Minute, time.Hour, 2 * time.Hour} {
		next := first
		next.ID = pix.EndToEndID(fmt.Sprintf("%s%011d", first.ID[:21], i))
		next.EventTime = first.EventTime.Add(after)
		next.ReceivedAt = next.EventTime
		log = append(log, next)
	}
	label := pix.Label{
		ID: first.ID, EventTime: first.EventTime, ArrivedAt: first.EventTime.Add(time.Hour), Fraud: true, Source: "MED",
		Typology: "fake_bank_call",
	}
	status := pix.Status{
		ID: first.ID, EventTime: first.EventTime, State: pix.Settled, OccurredAt: first.EventTime.Add(90 * time.Minute),
	}
	line, err := event.StatusJSON(&status)
	if err != nil {
		t.Fatal(err)
	}
	marks, settled := slices.Index(feature.Names(), "payee_fraud_marks_30d"), slices.Index(feature.Names(), "payer_out_settled_count_24h")
	var got [][2]float64
	cfg := replay.Config{Labels: replay.NewLabels([]pix.Label{label}), Statuses: replay.NewLines(bytes.NewReader(append(line, "\n{broken\n"...)))}
	stats, err := replay.Run(t.Context(), cfg, replay.NewLines(bytes.NewReader(lines(t, log))), func(r *replay.Row) error {
		got = append(got, [2]float64{r.Vector[marks], r.Vector[settled]})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([][2]float64{{0, 0}, {0, 0}, {1, 0}, {1, 1}}, got); diff != "" {
		t.Errorf("marks and settled payments seen by each payment (-want +got):\n%s", diff)
	}
	if stats.Marks != 1 || stats.Statuses != 1 || stats.Malformed.Lines != 0 || stats.MalformedStatuses.Lines != 1 {
		t.Errorf("%+v", stats)
	}
}

// What a replay remembers is bounded by the live windows: a log ten times as long leaves no more behind, but for when
// entities were first seen.
func TestReplayForgets(t *testing.T) {
	t.Parallel()
	w := world.New(world.Params{Seed: 9, Accounts: 60, Days: 150})
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	p, err := replay.NewPlayer(replay.Config{}, keep)
	if err != nil {
		t.Fatal(err)
	}
	day, entities := 0, map[int]int{}
	began := time.Time{}
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		tx := tokenizer.Tokenize(&e.Submission)
		if began.IsZero() {
			began = tx.EventTime
		}
		for _, s := range w.Statuses() {
			if err := p.Status(t.Context(), &s); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Pay(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
		if d := int(tx.EventTime.Sub(began).Hours() / 24); d != day {
			day = d
			entities[d] = p.Entities()
		}
	}
	if early, late := entities[40], entities[145]; early == 0 || late > early*3/2 {
		t.Errorf("%d live entities after 40 days, %d after 145", early, late)
	}
}
