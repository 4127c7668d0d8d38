package feature

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// crowd draws n events of 31 days and a little of the future, crowding around the edges of windows, in order.
func crowd(random *rand.Rand, n int) []Event {
	edges := []int64{0, minute, 10 * minute, hour, day, 7 * day, 30 * day}
	events := make([]Event, n)
	for i := range events {
		age := random.Int64N(31*day) - minute
		if random.IntN(3) == 0 {
			age = edges[random.IntN(len(edges))] + random.Int64N(40*second) - 20*second
		}
		e := event(i, time.Duration(age)*time.Millisecond, 1+random.IntN(900), pix.Money(1+random.Int64N(1<<random.IntN(30))))
		if random.IntN(4) == 0 {
			e.Amount = 195_00
		}
		e.State, e.Returned = State(random.IntN(4)), min(pix.Money(random.IntN(3)*100), e.Amount)
		if random.IntN(3) == 0 { // from the time of a rotation
			e.Counterparty.Previous, e.Counterparty.Current = e.Counterparty.Current, e.Counterparty.Current^1<<40
		}
		events[i] = e
	}
	return Sort(events)
}

// between lists the events of a stretch of time.
func between(events []Event, start, end int64) []Event {
	var out []Event
	for _, e := range events {
		if e.At >= start && e.At < end {
			out = append(out, e)
		}
	}
	return out
}

// inTiles serves a stream as the plan says.
func inTiles(family string, events []Event, at, sealed int64) Stream {
	var s Stream
	finest := Levels(LevelTenth)[at%3] // a store has them from any level on
	for _, span := range Plan(at, sealed, finest) {
		if span.Level == LevelRaw {
			s.Events = append(s.Events, between(events, span.Start, span.End)...)
			continue
		}
		for start := span.Start; start < span.End; start += span.Level.Span() {
			if inside := between(events, start, start+span.Level.Span()); len(inside) > 0 {
				s.Tiles = append(s.Tiles, NewTile(family, span.Level, start, inside))
			}
		}
	}
	return s
}

// Tiles on = tiles off, bit for bit, whatever was sealed.
func TestTilesChangeNoVector(t *testing.T) {
	t.Parallel()
	s, names := newSet(t), Names()
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 5))
		tx, h := full(), someHistory()
		tx.EventTime = tx.EventTime.Add(time.Duration(random.Int64N(day)) * time.Millisecond)
		if seed%3 == 0 {
			tx.Payer.Account.Previous = token(pix.AccountToken, 0, 1)
		}
		events := crowd(random, BusyEvents+500)
		quiet := int64(0)
		if seed%4 == 2 {
			quiet = 2 * hour // the newest event is in a tile
		}
		for i := range events {
			events[i].At += tx.EventTime.UnixMilli() - base().UnixMilli() - quiet
		}
		at := tx.EventTime.UnixMilli()
		sealed := at - random.Int64N(3*day)*int64(seed%2)
		for what, c := range map[string]struct {
			family string
			stream *Stream
		}{
			"payer out": {FamilyOut, &h.Payer.Out}, "payer in": {FamilyIn, &h.Payer.In}, "payee out": {FamilyOut, &h.Payee.Out},
			"payee in": {FamilyIn, &h.Payee.In}, "device": {FamilyUse, &h.Device.Use}, "pair": {FamilyOut, &h.Pair.Out},
		} {
			before := *c.stream
			*c.stream = Stream{Events: events}
			if !c.stream.Busy(&tx) {
				t.Fatal("the stream is not busy")
			}
			want := s.Vector(nil, &tx, h)
			*c.stream = inTiles(c.family, events, at, sealed)
			if len(c.stream.Tiles) == 0 || !c.stream.Busy(&tx) {
				t.Fatalf("seed %d: %d tiles, busy %t", seed, len(c.stream.Tiles), c.stream.Busy(&tx))
			}
			got := s.Vector(nil, &tx, h)
			*c.stream = before
			if name := difference(want, got); name != "" {
				i := slices.Index(names, name)
				t.Errorf("seed %d, %s: %s = %v with tiles, %v without", seed, what, name, got[i], want[i])
			}
		}
	}
}

// reportsOn draws reports of fraud on some of the payments of 31 days, as many as count.
func reportsOn(random *rand.Rand, events []Event) []Mark {
	marks := make([]Mark, MaxMarks)
	for i := range marks {
		e := &events[random.IntN(len(events))]
		marks[i] = Mark{At: e.At + random.Int64N(10*day), Paid: e.At, ID: e.ID, Role: RoleBeneficiary, Fraud: random.IntN(4) > 0}
	}
	return SortMarks(marks)
}

// A busy stream's windows are those of the oracle; counterparties are within four standard errors.
func TestBusyStreamEqualsTheOracle(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 6))
		tx := payment()
		r := raw{events: map[string][]Event{"payee_in": crowd(random, 2*BusyEvents), "payer_out": crowd(random, 2*BusyEvents)}}
		for name, events := range r.events {
			for i := range events {
				events[i].Counterparty.Current &^= 1 << 40 // no rotation
				events[i].Counterparty.Previous = 0
			}
			// The payment itself, under another event time, is not looked for.
			r.events[name] = slices.DeleteFunc(events, func(e Event) bool { return e.ID == tx.ID })
		}
		r.marks = map[string][]Mark{"payee": reportsOn(random, r.events["payee_in"])}
		want := map[string]float64{}
		r.own(&tx, want)
		r.reports(&tx, want)
		got := s.Vector(nil, &tx, r.histories())
		for i, d := range Definitions() {
			v, known := want[d.Name]
			if !known {
				v, known = r.windowed(&tx, d)
			}
			off := math.Abs(v - got[i])
			if d.Unit == UnitCount && strings.HasPrefix(d.Doc, "Number of different ") {
				off = max(0, off-max(2, 4*0.065*v))
			}
			if known && off > 0 {
				t.Errorf("seed %d: %s = %v, the oracle says %v", seed, d.Name, got[i], v)
			}
		}
		for _, name := range []string{"payer_devices_30d", "device_new_to_payer_30d", "payee_dwell_minutes"} {
			if v := got[slices.Index(Names(), name)]; !math.IsNaN(v) {
				t.Errorf("%s = %v although the account is busy", name, v)
			}
		}
	}
}

// A plan covers the time that a payment sees without gap or overlap, keeps the edges of windows in raw spans, aligns its
// tiles, and reads none that is not sealed.
func TestPlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(40*day, 30_000*day).Draw(t, "at")
		if rapid.Bool().Draw(t, "aligned") {
			at = at/(10*second)*10*second + rapid.Int64Range(-1, 1).Draw(t, "ms")
		}
		sealed := at - rapid.Int64Range(-hour, 31*day).Draw(t, "unsealed")
		finest := rapid.SampledFrom([]Level{LevelTenth, LevelSecond, LevelTenSeconds}).Draw(t, "finest")
		plan := Plan(at, sealed, finest)
		first := at - 30*day + 1
		if plan[0].Start > first || plan[0].End <= first || plan[len(plan)-1].End <= at {
			t.Fatalf("the plan spans [%d, %d), the payment sees [%d, %d]", plan[0].Start, plan[len(plan)-1].End, first, at)
		}
		for i, s := range plan {
			if i > 0 && s.Start != plan[i-1].End {
				t.Fatalf("span %d starts at %d, not at %d", i, s.Start, plan[i-1].End)
			}
			aligned := max(s.Level, finest).Span()
			if s.Start%aligned != 0 || s.End%aligned != 0 || s.End <= s.Start {
				t.Fatalf("span %d is not aligned: %+v", i, s)
			}
			if s.Level == LevelRaw {
				continue
			}
			if s.Level < finest || s.End > sealed || s.End > at {
				t.Fatalf("span %d ends at %d: sealed until %d, payment at %d", i, s.End, sealed, at)
			}
			for w := range windowCount {
				for start := s.Start; start < s.End; start += s.Level.Span() {
					if edge := at - w.span() + 1; start < edge && edge < start+s.Level.Span() {
						t.Fatalf("the edge of %v lies inside a tile of span %d", w, i)
					}
				}
			}
		}
	})
}

// A plan with everything sealed reads few spans: its size does not depend on how many events there are.
func TestPlanIsShort(t *testing.T) {
	t.Parallel()
	for _, finest := range []Level{LevelTenth, LevelTenSeconds} {
		worst, raw := 0, int64(0)
		for i := range int64(5000) {
			tiles, rawSpans := 0, int64(0)
			at := 20_000*day + i*17_389_123%day
			for _, s := range Plan(at, at-9*finest.Span(), finest) {
				if s.Level == LevelRaw {
					rawSpans += (s.End - s.Start) / finest.Span()
					continue
				}
				tiles += int((s.End - s.Start) / s.Level.Span())
			}
			worst, raw = max(worst, tiles), max(raw, rawSpans)
		}
		t.Logf("tiles from %d ms: at most %d tiles and %d raw spans", finest.Span(), worst, raw)
		if worst > 700 || raw > 20 {
			t.Errorf("tiles from %d ms: %d tiles, %d raw spans", finest.Span(), worst, raw)
		}
	}
}

// A tile is a pure function of the set of its events: any order, any way of merging, one by one, and statuses that came
// later give the same tile.
func TestTileIsAFunctionOfItsEvents(t *testing.T) {
	t.Parallel()
	for _, family := range []string{FamilyOut, FamilyIn} {
		for seed := range uint64(40) {
			random := rand.New(rand.NewPCG(seed, 7))
			events := crowd(random, 1+random.IntN(300))
			start := base().UnixMilli() / day * day
			for i := range events {
				events[i].At = start + random.Int64N(day)
			}
			events = Sort(events)
			want := NewTile(family, LevelDay, start, events)
			random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			got := map[string]Tile{"shuffled": NewTile(family, LevelDay, start, events)}
			cut := random.IntN(len(events) + 1)
			a, b := NewTile(family, LevelHour, start, events[:cut]), NewTile(family, LevelHour, start, events[cut:])
			merged := Tile{Level: LevelDay, Start: start}
			merged.Merge(&b)
			merged.Merge(&a)
			got["merged"] = merged
			single := Tile{Level: LevelDay, Start: start}
			for i := range events {
				plain := events[i]
				plain.State, plain.Returned = 0, 0
				single.Add(family, &plain)
				half := events[i] // a first return of two, then the rest
				half.Returned /= 2
				single.Totals.Restate(&plain, &half)
				single.Totals.Restate(&half, &events[i])
			}
			got["one by one, statuses later"] = single
			for what, tile := range got {
				if d := cmp.Diff(want, tile); d != "" {
					t.Errorf("%s, seed %d, %s (-want +got):\n%s", family, seed, what, d)
				}
			}
			back, err := DecodeTile(LevelDay, start, want.AppendValue(nil))
			if d := cmp.Diff(want, back); d != "" || err != nil {
				t.Errorf("%s, seed %d, decoded: %v (-want +got):\n%s", family, seed, err, d)
			}
		}
	}
}

// The sketch's error is what its documentation says, and small sets are nearly exact.
func TestSketchError(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 10, 50, 100, 1000, 10_000, 100_000} {
		var squares float64
		const rounds = 60
		for round := range rounds {
			var s Sketch
			for i := range n {
				s.Add(NewRef(pair(pix.AccountToken, round*1_000_000+i)).Current)
			}
			off := float64(s.Count()-n) / max(float64(n), 1)
			squares += off * off
		}
		if deviation := math.Sqrt(squares / rounds); deviation > 0.085 {
			t.Errorf("%d numbers: relative error %.3f, want about 0.065", n, deviation)
		} else if n <= 10 && deviation > 0.06 {
			t.Errorf("%d numbers: relative error %.3f", n, deviation)
		}
	}
}

func FuzzDecodeTile(f *testing.F) {
	for n := range 4 {
		events := crowd(rand.New(rand.NewPCG(uint64(n), 8)), 1+n*200)
		tile := NewTile(FamilyOut, LevelDay, base().UnixMilli()-30*day, events)
		f.Add(tile.AppendValue(nil))
	}
	f.Add([]byte{tileVersion, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sketchSparse, 1, 3, 7, sketchSparse, 0, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		tile, err := DecodeTile(LevelHour, 7*hour, value)
		if err != nil {
			return
		}
		again, err := DecodeTile(LevelHour, 7*hour, tile.AppendValue(nil))
		if err != nil || !reflect.DeepEqual(tile, again) {
			t.Fatalf("%+v became %+v, %v", tile, again, err)
		}
		if tile.Totals.Count < 0 || tile.Totals.Sum < 0 || !slices.IsSortedFunc(tile.Amounts, func(a, b Bin) int { return int(a.Index) - int(b.Index) }) {
			t.Fatalf("%+v", tile)
		}
	})
}

func TestDecodeTileRefuses(t *testing.T) {
	t.Parallel()
	start := base().UnixMilli() / day * day
	tile := NewTile(FamilyOut, LevelDay, start, []Event{event(1, 0, 2, 150_00), event(2, 0, 3, 250_00)})
	good := tile.AppendValue(nil)
	for cut := range good {
		if _, err := DecodeTile(LevelDay, start, good[:cut]); err == nil {
			t.Errorf("cut to %d of %d bytes it was accepted", cut, len(good))
		}
	}
	other := slices.Clone(good)
	other[0]++
	if _, err := DecodeTile(LevelDay, start, other); err == nil {
		t.Error("another version was accepted")
	}
}
