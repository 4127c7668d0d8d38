package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// TestDamagedLateCells: one that cannot be what was written is an error, never a sum, and never a panic.
func TestDamagedLateCells(t *testing.T) {
	t.Parallel()
	l := lateCell{name: "n", event: []byte("an event"), value: []byte("a status"), paid: 700, known: true, state: 1}
	good := l.encode()
	const paidAt, sizeAt = 3, 5
	for name, damage := range map[string]func([]byte) []byte{
		"empty":             func([]byte) []byte { return nil },
		"cut in its head":   func(b []byte) []byte { return b[:4] },
		"cut in its amount": func(b []byte) []byte { return append(b[:paidAt], 0xff, 0xff) },
		"cut in its size":   func(b []byte) []byte { return append(b[:sizeAt], 0x80) },
		"another version":   func(b []byte) []byte { b[0]++; return b },
		"known, and more":   func(b []byte) []byte { b[1] = 2; return b },
		"a fortune": func(b []byte) []byte {
			return append(append(b[:paidAt:paidAt], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), good[sizeAt:]...)
		},
		"longer event than there is": func(b []byte) []byte { b[sizeAt] = byte(len(good)); return b },
		"endless":                    func(b []byte) []byte { return append(b, make([]byte, maxLateValue)...) },
	} {
		if _, err := decodeLate("n", damage(bytes.Clone(good))); !errors.Is(err, errLate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := decodeLate("n", good); err != nil || string(got.event) != "an event" || string(got.value) != "a status" || got.paid != 700 {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzDecodeLate(f *testing.F) {
	f.Add([]byte{1, 1, 2, 3, 2, 'a', 'b', 'c'})
	f.Fuzz(func(t *testing.T, value []byte) {
		l, err := decodeLate("name", value)
		if err != nil {
			return
		}
		again, err := decodeLate("name", l.encode())
		if err != nil || again.known != l.known || again.state != l.state || again.paid != l.paid ||
			!bytes.Equal(again.event, l.event) || !bytes.Equal(again.value, l.value) {
			t.Fatalf("%v became %v, %v", l, again, err)
		}
		_, _ = sumLate([]lateCell{l, again})
	})
}

func FuzzKeys(f *testing.F) {
	f.Add("hot#03#in#acct#acct.1.x", "12", "\x00\x01\x02\x03\x04\x05E1#s")
	f.Fuzz(func(t *testing.T, row, n, q string) {
		if s, ok := parseHotRow(row); ok && s.entity == "" {
			t.Fatal("an index row names nothing")
		}
		if v, err := parseNumber([]byte(n)); err == nil && v < 0 {
			t.Fatal("a negative moment")
		}
		if at, err := timeOf(q); err == nil && timeName(at) != q[:timeBytes] {
			t.Fatalf("%q begins with %d", q, at)
		}
		if name := eventName(q); !isEvent(name) && len(name) > timeBytes {
			t.Fatalf("%q is of event %q", q, name)
		}
	})
}

func TestHotRowsAreReadBack(t *testing.T) {
	t.Parallel()
	for _, want := range []stream{
		{"acct#acct.1.x", "in"}, {"pair#acct.1.x#acct.1.y", "out"}, {"dev#dev.2.z", "use"},
	} {
		if got, ok := parseHotRow(want.hotRow()); !ok || got != want {
			t.Errorf("%s read back as %v", want.hotRow(), got)
		}
		if want.row(feature.LevelRaw, 99_999) >= want.row(feature.LevelRaw, 100_000) {
			t.Error("rows do not sort by time")
		}
	}
}

// Late cells beside a tile are as good as the tile made again: whatever the tile knew, and in whatever order statuses
// and the event itself came.
func TestLateCellsCompleteTheirTile(t *testing.T) {
	t.Parallel()
	tx := storetest.Payment(1, 10, 20)
	tx.Amount = 100
	statuses := []pix.Status{
		{ID: tx.ID, State: pix.Settled},
		{ID: tx.ID, State: pix.Returned, ReturnID: "D1", Returned: 30},
		{ID: tx.ID, State: pix.Returned, ReturnID: "D2", Returned: 50},
		{ID: tx.ID, State: pix.Returned, ReturnID: "D3", Returned: 40},
	}
	event := feature.Cells(&tx)[2] // of the payee
	if event.Family != feature.FamilyIn {
		t.Fatal("cells have another order")
	}
	all := []feature.Cell{event}
	for i := range statuses {
		all = append(all, feature.StatusCells(&tx, &statuses[i])[1])
	}
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation(all).Draw(t, "order")
		inTile := rapid.IntRange(0, len(all)).Draw(t, "in tile")
		prior := map[string]seenCell{}
		var late []lateCell
		for i, c := range order {
			if i >= inTile {
				l := lateCell{name: c.Qualifier, value: c.Value, event: event.Value}
				_, l.known = prior[event.Qualifier]
				e, err := withStatuses(event.Qualifier, event.Value, prior)
				if err != nil {
					t.Fatal(err)
				}
				l.state, l.paid = e.State, e.Returned
				late = append(late, l)
			}
			prior[c.Qualifier] = seenCell{value: c.Value}
		}
		slices.SortFunc(late, func(a, b lateCell) int { return strings.Compare(a.name, b.name) })
		sum, err := sumLate(late)
		if err != nil {
			t.Fatal(err)
		}
		got := totalsOf(t, order[:inTile])
		got.Merge(&sum.delta)
		if sum.event != nil {
			got.Add(sum.event)
		}
		if d := cmp.Diff(totalsOf(t, order), got); d != "" {
			t.Fatalf("%d of %d in the tile (-want +got):\n%s", inTile, len(all), d)
		}
	})
}

func totalsOf(t *rapid.T, cells []feature.Cell) (totals feature.Totals) {
	var raw []rawCell
	for _, c := range cells {
		raw = append(raw, rawCell{c.Qualifier, c.Value})
	}
	sortRaw(raw)
	events, err := feature.DecodeStream(len(raw), rawColumns(raw))
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		totals.Add(&events[i])
	}
	return totals
}

func TestTasksAreBounded(t *testing.T) {
	t.Parallel()
	dropped := 0
	k := newTasks(func() { dropped++ })
	for n := range maxTasks + 5 {
		k.add(stream{fmt.Sprint(n), "in"}, 1)
	}
	for n := range maxDirty + 7 {
		k.dirty(stream{"1", "in"}, int64(n)*rawSpan, 1)
	}
	if dropped != 12 || len(k.take()) != maxTasks || len(k.take()) != 0 {
		t.Errorf("%d were dropped, want 12", dropped)
	}
}

func TestCarriedIsBounded(t *testing.T) {
	t.Parallel()
	dropped := 0
	c := newCarried(func() { dropped++ })
	for n := range maxCarried/2 + 3 {
		for range 2 { // found twice, queued once
			c.add(fmt.Sprint(n), make([]feature.Cell, 2))
		}
	}
	rows := 0
	for taken := c.take(); len(taken) > 0; taken = c.take() {
		if rows += len(taken); len(taken) > carryBatch {
			t.Errorf("%d rows at once", len(taken))
		}
	}
	if dropped != 6 || rows != maxCarried/2 || c.cells != 0 {
		t.Errorf("%d were dropped, want 6; %d rows were queued, %d cells are left", dropped, rows, c.cells)
	}
}

func TestIndexIsBounded(t *testing.T) {
	t.Parallel()
	x := newIndex(10)
	for n := range 50 {
		x.learn(stream{fmt.Sprint(n), "in"}, hotState{since: 1})
	}
	if _, ok := x.get(stream{"49", "in"}); !ok || x.size() != 10 || !x.full() {
		t.Errorf("%d streams are known, the newest %v; want 10 and true", x.size(), ok)
	}
	f := newFirsts(20)
	for n := range 50 {
		f.learn(stream{fmt.Sprint(n), "in"}, 5)
	}
	newest, oldest := stream{"49", "in"}, stream{"0", "in"}
	if len(f.young)+len(f.old) > 20 || !f.covers(newest, 5) || f.covers(newest, 4) || f.covers(oldest, 9) {
		t.Error("first-ever facts are not remembered as they should be")
	}
	if f.learn(newest, 8); f.covers(newest, 7) {
		t.Error("an earlier fact is remembered although it was withdrawn")
	}
	if f.forget(newest); f.covers(newest, 9) {
		t.Error("a fact is remembered although there is none")
	}
}
