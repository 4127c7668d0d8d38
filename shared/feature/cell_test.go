package feature

import (
	"bytes"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// columns are the cells of one family in order of their qualifiers, each once, as a store returns them.
func columns(family string, cells []Cell) iter.Seq2[string, []byte] {
	values := map[string][]byte{}
	for _, c := range cells {
		if c.Family == family {
			values[c.Qualifier] = c.Value
		}
	}
	names := []string{}
	for q := range values {
		names = append(names, q)
	}
	slices.Sort(names)
	return func(yield func(string, []byte) bool) {
		for _, q := range names {
			if !yield(q, values[q]) {
				return
			}
		}
	}
}

func rowOf(name string, cells []Cell) []Cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool { return c.Entity != name })
}

func statusOf(tx *pix.Transaction, state pix.PaymentState, returnID string, amount pix.Money) pix.Status {
	return pix.Status{ID: tx.ID, EventTime: tx.EventTime, State: state, ReturnID: returnID, Returned: amount}
}

// What is written comes back: the cells of payments and statuses, in any order and repeated, decode to the same events.
func TestCellsComeBack(t *testing.T) {
	t.Parallel()
	var cells []Cell
	txs := make([]pix.Transaction, 3)
	for i := range txs {
		txs[i] = payment()
		txs[i].ID, txs[i].EventTime = id(i), base().Add(time.Duration(i/2)*time.Millisecond) // two of one instant
		cells = append(cells, Cells(&txs[i])...)
	}
	for _, s := range []pix.Status{
		statusOf(&txs[0], pix.Settled, "", 0), statusOf(&txs[0], pix.Returned, "D1", 10), statusOf(&txs[0], pix.Returned, "D2", 5),
		statusOf(&txs[0], pix.Returned, "D1", 10),
	} {
		cells = append(cells, StatusCells(&txs[0], &s)...)
	}
	rejected := statusOf(&txs[1], pix.Rejected, "", 0)
	cells = append(cells, StatusCells(&txs[1], &rejected)...)
	orphan := payment()
	orphan.ID = id(9)
	settled := statusOf(&orphan, pix.Settled, "", 0)
	cells = append(cells, StatusCells(&orphan, &settled)...)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })

	rows := Rows(&txs[0])
	for name, family := range map[string]string{
		rows.Payer.Current: FamilyOut, rows.Payee.Current: FamilyIn, rows.Pair.Current: FamilyOut, rows.Device.Current: FamilyUse,
	} {
		row := rowOf(name, cells)
		got, err := DecodeStream(0, columns(family, row))
		if err != nil {
			t.Fatal(err)
		}
		var want []Event
		for i := range txs {
			for _, w := range Writes(&txs[i]) {
				if w.Row == name {
					want = append(want, w.Event)
				}
			}
		}
		if family != FamilyUse {
			want[0].State, want[0].Returned, want[1].State = StateSettled, 15, StateRejected
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s of %s (-want +got):\n%s", family, name, d)
		}
		// The newest version of the first-ever cell is the earliest event.
		newest := slices.MaxFunc(slices.DeleteFunc(row, func(c Cell) bool { return c.Family != FamilyFirst }), func(a, b Cell) int {
			return int(a.At - b.At)
		})
		if first, err := DecodeFirst(newest.Value); err != nil || first.At != base().UnixMilli() || newest.Qualifier != family {
			t.Errorf("first of %s: %+v, %v", name, first, err)
		}
	}
}

func TestMarkCellsComeBack(t *testing.T) {
	t.Parallel()
	tx := payment()
	var cells []Cell
	for i, l := range []pix.Label{
		{ArrivedAt: base(), Fraud: true, Source: "MED"}, {ArrivedAt: base().Add(time.Hour), Source: "DESK"},
		{ArrivedAt: base(), Fraud: true},
	} {
		l.ID = tx.ID
		if got := MarkCells(&tx, &l); len(got) != 3 {
			t.Fatalf("label %d left %d cells", i, len(got))
		}
		cells = append(cells, MarkCells(&tx, &l)...)
	}
	got, err := DecodeMarks(columns(FamilyMark, rowOf(Rows(&tx).Payee.Current, cells)))
	mark := Mark{ID: tx.ID, Role: RoleBeneficiary, At: base().UnixMilli(), Paid: base().UnixMilli(), Fraud: true}
	withdrawn, med := mark, mark
	withdrawn.At, withdrawn.Fraud, withdrawn.Source, med.Source = base().Add(time.Hour).UnixMilli(), false, "DESK", "MED"
	if d := cmp.Diff([]Mark{withdrawn, mark, med}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

// A report that was written without the payment's event time is a report all the same, and who reads none of it reads the
// rest: during an upgrade both releases write marks, and both read them.
func TestMarksOfTheReleaseBefore(t *testing.T) {
	t.Parallel()
	tx := payment()
	tx.ID = "E12345678202611231405aB3dE5fG7hI"
	minute := time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC).UnixMilli()
	for name, c := range map[string]struct {
		id   pix.EndToEndID
		want int64
	}{
		"by the minute of its id": {tx.ID, minute}, "by its arrival": {"E-without-a-minute", base().UnixMilli()},
	} {
		tx.ID = c.id
		for _, cell := range MarkCells(&tx, &pix.Label{ID: c.id, ArrivedAt: base(), Fraud: true, Source: "MED"}) {
			if len(cell.Value) < 3 || cell.Value[0] != 1 || cell.Value[1] != 1 {
				t.Errorf("%s: %x does not begin as the release before reads it", name, cell.Value)
			}
			before := func(yield func(string, []byte) bool) { yield(cell.Qualifier, cell.Value[:2]) }
			marks, err := DecodeMarks(before)
			if err != nil || len(marks) != 1 || marks[0].Paid != c.want || !marks[0].Fraud || marks[0].ID != c.id {
				t.Errorf("%s: %+v, %v", name, marks, err)
			}
			now, err := DecodeMarks(columns(FamilyMark, []Cell{cell}))
			if err != nil {
				t.Fatal(err)
			}
			cell.Value[0] = 2
			marks, err = DecodeMarks(columns(FamilyMark, []Cell{cell}))
			if d := cmp.Diff(now, marks); d != "" || err != nil {
				t.Errorf("%s: %v, where the first byte is 2 (-want +got):\n%s", name, err, d)
			}
		}
	}
}

// However many reports there are, the newest count, whichever order they are read in.
func TestMarksAreBounded(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]Mark, 10*MaxMarks)
	for i := range all {
		all[i] = Mark{At: int64(i / 3), ID: id(i), Role: RoleVictim, Fraud: true}
	}
	want := SortMarks(slices.Clone(all))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var kept []Mark
	for part := range slices.Chunk(all, 300) {
		kept = SortMarks(append(kept, part...))
	}
	if len(kept) != MaxMarks || cmp.Diff(want, kept) != "" {
		t.Errorf("%d marks, or others than the newest", len(kept))
	}
}

func FuzzDecodeCells(f *testing.F) {
	tx := payment()
	s, l := statusOf(&tx, pix.Returned, "D1", 10), pix.Label{ArrivedAt: base(), Fraud: true, Source: "MED"}
	for _, c := range slices.Concat(Cells(&tx), StatusCells(&tx, &s), MarkCells(&tx, &l)) {
		f.Add(c.Qualifier, c.Value)
	}
	f.Fuzz(func(t *testing.T, q string, value []byte) {
		one := func(yield func(string, []byte) bool) { yield(q, value) }
		if events, err := DecodeStream(1, one); err == nil && len(events) == 1 {
			e := &events[0]
			if again := qualifier(e.At, e.ID); again != q || e.At < 0 || e.At >= MaxTime || e.ID == "" {
				t.Fatalf("%q became %q", q, again)
			}
		}
		if marks, err := DecodeMarks(one); err == nil && (len(marks) != 1 || marks[0].At < 0 || marks[0].Paid < 0 || marks[0].ID == "") {
			t.Fatalf("%q became %+v", q, marks)
		}
		if first, err := DecodeFirst(value); err == nil {
			if again := first.appendValue(nil); !bytes.Equal(again, value) || first.At < 0 || first.IsZero() {
				t.Fatalf("%x became %x", value, again)
			}
		}
		if at, name, suffix, err := parseQualifier(q); err == nil {
			again := qualifier(at, name)
			if suffix != "" {
				again += string(suffixMark) + suffix
			}
			if again != q || strings.ContainsRune(string(name), suffixMark) {
				t.Fatalf("%q became %q", q, again)
			}
		}
	})
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	date := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for text, want := range map[string]bool{
		"2026-01-01": true, "2026-02-16": true, "2026-02-17": true, "2026-02-18": false, // Carnival
		"2026-04-03": true, "2026-04-05": false, "2026-04-21": true, "2026-06-04": true, // Good Friday, Easter, Corpus Christi
		"2025-03-04": true, "2025-04-18": true, "2024-03-29": true, "2024-05-30": true, "2027-03-26": true,
		"2023-11-20": false, "2024-11-20": true, "2026-11-02": true, "2026-11-15": true, "2026-12-24": false, "2026-12-25": true,
	} {
		if got := holiday(date(text).Date()); got != want {
			t.Errorf("%s is a holiday: %t, want %t", text, got, want)
		}
	}
	for text, want := range map[string]float64{
		"2026-01-07": 0,                   // 1 is a holiday; 2, 3 (Saturday), 5, 6, 7
		"2026-01-08": 1, "2026-01-06": 32, // since 5 December: 1 is a Monday
		"2026-02-05": 29, "2026-02-06": 0, "2025-12-05": 0, "2025-12-04": 28, // since 6 November: 1 (Saturday), 3, 4, 5, 6
	} {
		if got := sincePayday(date(text)); got != want {
			t.Errorf("%s is %v days after pay-day, want %v", text, got, want)
		}
	}
}
