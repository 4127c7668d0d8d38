package feature

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func newSet(tb testing.TB) *Set {
	tb.Helper()
	s, err := NewSet()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// bits makes vectors comparable, NaN included.
func bitsOf(v []float64) []uint64 {
	out := make([]uint64, len(v))
	for i, x := range v {
		out[i] = math.Float64bits(x)
		if math.IsNaN(x) {
			out[i] = math.Float64bits(math.NaN())
		}
	}
	return out
}

// difference names the first feature that differs, empty when none does.
func difference(a, b []float64) string {
	x, y := bitsOf(a), bitsOf(b)
	for i, name := range Names() {
		if x[i] != y[i] {
			return name
		}
	}
	return ""
}

// genEvents draws events whose ages crowd around the edges of windows, with few ids, counterparties and instants.
func genEvents(t *rapid.T, label string) []Event {
	edges := []time.Duration{
		0, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour,
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Event {
		age := rapid.SampledFrom(edges).Draw(t, "edge") + time.Duration(rapid.IntRange(-2, 2).Draw(t, "ms"))*time.Millisecond
		if rapid.Bool().Draw(t, "anywhere") {
			age = time.Duration(rapid.Int64Range(-int64(time.Hour), int64(32*24*time.Hour)).Draw(t, "age"))
		}
		// The id follows from the rest, as an EndToEndId names one payment.
		n := rapid.IntRange(idOfPayment-3, idOfPayment+3).Draw(t, "n")
		e := event(n, age.Truncate(time.Millisecond), 1+n%4, pix.Money(180_00+n%5*10_00))
		e.State, e.Returned = State(n%4), pix.Money(n%3*10_00)
		return e
	}), 0, 25).Draw(t, label)
}

func genHistories(t *rapid.T) *Histories { return genRaw(t).histories() }

// Any order and any duplication of the same events gives the same vector, and the histories are left as they were.
func TestOrderAndDuplicatesChangeNothing(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	rapid.Check(t, func(t *rapid.T) {
		tx, h := payment(), genHistories(t)
		one, two := *h, *h
		sorted, mixed := &one, &two
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for i, from := range streams(h) {
			*streams(sorted)[i] = Sort(slices.Clone(*from))
			twice := append(slices.Clone(*from), (*from)[:random.IntN(len(*from)+1)]...)
			random.Shuffle(len(twice), func(a, b int) { twice[a], twice[b] = twice[b], twice[a] })
			*streams(mixed)[i] = twice
		}
		before := slices.Clone(mixed.Payer.Out.Events)
		want, got := s.Vector(nil, &tx, sorted), s.Vector(nil, &tx, mixed)
		if name := difference(want, got); name != "" {
			t.Fatalf("%s differs", name)
		}
		if !slices.Equal(before, mixed.Payer.Out.Events) {
			t.Fatal("the caller's history was changed")
		}
	})
}

func streams(h *Histories) []*[]Event {
	return []*[]Event{
		&h.Payer.Out.Events, &h.Payer.In.Events, &h.Payee.Out.Events, &h.Payee.In.Events, &h.Device.Use.Events,
		&h.Pair.Out.Events, &h.Reverse.Out.Events,
	}
}

// naive lists what a payment sees of a stream within a window, by the definition and nothing else.
func naive(tx *pix.Transaction, events []Event, w time.Duration) []Event {
	seen := map[Event]bool{}
	var out []Event
	for _, e := range events {
		key := Event{At: e.At, ID: e.ID}
		age := tx.EventTime.UnixMilli() - e.At
		own := e.ID == tx.ID && age < (24*time.Hour).Milliseconds()
		earlier := age > 0 || age == 0 && e.ID < tx.ID
		if seen[key] || own || !earlier || age >= w.Milliseconds() {
			continue
		}
		seen[key] = true
		out = append(out, e)
	}
	return out
}

func middle(sorted []pix.Money) float64 {
	n := len(sorted)
	switch {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return float64(sorted[n/2])
	default:
		return (float64(sorted[n/2-1]) + float64(sorted[n/2])) / 2
	}
}

// The median, the deviation and the rank from the histogram are those of the bins' middles, computed by sorting.
func TestHistogramOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pix.Money {
			return pix.Money(rapid.Int64Range(0, 1<<rapid.IntRange(1, 46).Draw(t, "bits")).Draw(t, "v"))
		}), 1, 60).Draw(t, "amounts")
		var h histogram
		h.add(1000, 3)
		h.reset()
		middles := make([]pix.Money, len(v))
		for i, a := range v {
			h.add(binOf(a), 1)
			middles[i] = middleOf(binOf(a))
			if off := math.Abs(float64(middles[i] - a)); off > float64(a)/128 {
				t.Fatalf("the bin of %d has its middle at %d", int64(a), int64(middles[i]))
			}
		}
		slices.Sort(middles)
		centre := middle(middles)
		if got := h.median(); got != centre {
			t.Fatalf("median of %v = %v, want %v", v, got, centre)
		}
		far, below := make([]float64, len(v)), 0.0
		for i, m := range middles {
			far[i] = math.Abs(float64(m) - centre)
			below += truth(m < middleOf(binOf(v[0]))) + truth(m == middleOf(binOf(v[0])))/2
		}
		slices.Sort(far)
		want := far[len(far)/2]
		if len(far)%2 == 0 {
			want = (far[len(far)/2-1] + want) / 2
		}
		if got := h.deviation(centre); got != want {
			t.Fatalf("deviation of %v = %v, want %v", v, got, want)
		}
		if got := h.rank(v[0]); got != below/float64(len(v)) {
			t.Fatalf("rank of %v in %v = %v, want %v", v[0], v, got, below/float64(len(v)))
		}
	})
}

// Every window's edge, to the millisecond.
func TestWindowEdges(t *testing.T) {
	t.Parallel()
	s, tx := newSet(t), payment()
	names := Names()
	for w, name := range map[window]string{
		w1m: "payer_out_count_1m", w10m: "payer_out_count_10m", w1h: "payer_out_count_1h", w24h: "payer_out_count_24h",
		w7d: "payer_out_count_7d", w30d: "payer_out_count_30d",
	} {
		span := time.Duration(w.span()) * time.Millisecond
		for what, c := range map[string]struct {
			e    Event
			want float64
		}{
			"youngest":                   {event(1, time.Millisecond, 2, 1), 1},
			"same instant, smaller id":   {event(idOfPayment-1, 0, 2, 1), 1},
			"same instant, greater id":   {event(idOfPayment+1, 0, 2, 1), 0},
			"itself":                     {event(idOfPayment, 0, 2, 1), 0},
			"itself under another time":  {event(idOfPayment, 5*time.Millisecond, 2, 1), 0},
			"a millisecond later":        {event(1, -time.Millisecond, 2, 1), 0},
			"last millisecond inside":    {event(1, span-time.Millisecond, 2, 1), 1},
			"exactly the window old":     {event(1, span, 2, 1), 0},
			"a millisecond past the end": {event(1, span+time.Millisecond, 2, 1), 0},
		} {
			h := &Histories{Payer: History{Out: Stream{Events: []Event{c.e}}}}
			if got := s.Vector(nil, &tx, h)[slices.Index(names, name)]; got != c.want {
				t.Errorf("%s, %s: %v, want %v", name, what, got, c.want)
			}
		}
	}
}

// rowStore is the smallest store there could be: events and first-ever facts by row and family. What outlives the windows
// is carried over to the row of the new token whenever the entity pays or is paid.
type rowStore struct {
	events map[string][]Event
	firsts map[string]First
}

func newRowStore() rowStore { return rowStore{map[string][]Event{}, map[string]First{}} }

func (r rowStore) record(tx *pix.Transaction) {
	for _, w := range Writes(tx) {
		key := w.Row + w.Family
		r.events[key] = append(r.events[key], w.Event)
		first := r.firsts[key].Earlier(First{At: w.Event.At, ID: w.Event.ID})
		if w.Previous != "" {
			first = first.Earlier(r.firsts[w.Previous+w.Family])
		}
		r.firsts[key] = first
	}
}

func (r rowStore) read(tx *pix.Transaction) *Histories {
	rows := Rows(tx)
	join := func(row Row) History {
		var h History
		for family, into := range map[string]*Stream{FamilyOut: &h.Out, FamilyIn: &h.In, FamilyUse: &h.Use} {
			into.Events = append(slices.Clone(r.events[row.Current+family]), r.events[row.Previous+family]...)
			*h.First.Of(family) = r.firsts[row.Current+family].Earlier(r.firsts[row.Previous+family])
		}
		return h
	}
	return &Histories{
		Payer: join(rows.Payer), Payee: join(rows.Payee), Device: join(rows.Device), Pair: join(rows.Pair), Reverse: join(rows.Reverse),
	}
}

// A key rotation in mid-stream, and its end 31 days later, change no vector. Duplicates straddle the rotation.
func TestRotationChangesNoVector(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		plain, rotated := newRowStore(), newRowStore()
		rotation := time.Duration(random.Int64N(int64(40 * 24 * time.Hour)))
		under := func(p pix.TokenPair, at time.Duration) pix.TokenPair {
			next := pix.Token(strings.Replace(string(p.Current), ".1.", ".2.", 1))
			switch {
			case at < rotation:
				return p
			case at < rotation+Retention:
				return pix.TokenPair{Current: next, Previous: p.Current}
			default:
				return pix.TokenPair{Current: next}
			}
		}
		at := time.Duration(0)
		for n := range 120 {
			at += time.Duration(random.Int64N(int64(24 * time.Hour))).Truncate(time.Millisecond)
			tx := payment()
			tx.ID, tx.EventTime = id(n), base().Add(at)
			tx.Payer.Account, tx.Payee.Account = pair(pix.AccountToken, random.IntN(2)), pair(pix.AccountToken, 2+random.IntN(2))
			tx.DeviceToken = pair(pix.DeviceToken, random.IntN(2))
			turned := tx
			turned.Payer.Account, turned.Payee.Account = under(tx.Payer.Account, at), under(tx.Payee.Account, at)
			turned.DeviceToken = under(tx.DeviceToken, at)
			plain.record(&tx)
			rotated.record(&turned)
			if random.IntN(4) == 0 {
				plain.record(&tx)
				rotated.record(&turned)
			}
			want, got := s.Vector(nil, &tx, plain.read(&tx)), s.Vector(nil, &turned, rotated.read(&turned))
			if name := difference(want, got); name != "" {
				t.Fatalf("payment %d, %v after the start, rotation at %v: %s differs", n, at, rotation, name)
			}
		}
	})
}

// Without a store every feature from histories is missing, whatever the same memory computed before.
func TestSilentStoreIsMissingNotZero(t *testing.T) {
	t.Parallel()
	s, tx := newSet(t), full()
	s.Vector(nil, &tx, someHistory())
	got := s.Vector(nil, &tx, nil)
	for i, d := range Definitions() {
		history := strings.HasPrefix(d.Source, "feature store")
		if history && !math.IsNaN(got[i]) {
			t.Errorf("%s = %v without a store", d.Name, got[i])
		}
		if !history && math.IsNaN(got[i]) {
			t.Errorf("%s is missing although the payment says everything", d.Name)
		}
	}
}

// A fact that is absent is missing, never zero.
func TestAbsentFactsAreMissing(t *testing.T) {
	t.Parallel()
	s, tx := newSet(t), payment()
	got := s.Vector(nil, &tx, &Histories{})
	for i, d := range Definitions() {
		switch {
		case d.Missing == "" && math.IsNaN(got[i]):
			t.Errorf("%s is missing although it is declared never to be", d.Name)
		case d.Missing == notGiven && !math.IsNaN(got[i]), d.Missing == dictWithheld && !math.IsNaN(got[i]):
			t.Errorf("%s = %v although the payment does not say", d.Name, got[i])
		}
	}
}

func TestConcurrentVectors(t *testing.T) {
	t.Parallel()
	s, tx, h := newSet(t), full(), someHistory()
	slices.Reverse(h.Payer.Out.Events)
	want := s.Vector(nil, &tx, h)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			var v []float64
			for range 200 {
				v = s.Vector(v, &tx, h)
				if name := difference(want, v); name != "" {
					t.Errorf("%s differs", name)
					return
				}
			}
		})
	}
	group.Wait()
}
