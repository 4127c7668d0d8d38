package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Marks lists every mark that was written before a moment, in order of minute and id, page by page.
func Marks(tb testing.TB, s engine.Pending, before time.Time) []engine.Mark {
	tb.Helper()
	const page = 7
	var all []engine.Mark
	q := engine.MarkQuery{Minutes: openMinutes(tb, s), Before: before, Limit: page}
	for {
		marks, err := s.Unpublished(tb.Context(), q)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, marks...)
		if len(marks) < page {
			break
		}
		q.After = marks[page-1]
	}
	slices.SortFunc(all, func(a, b engine.Mark) int {
		if c := a.Minute.Compare(b.Minute); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return all
}

func openMinutes(tb testing.TB, s engine.Pending) (all []time.Time) {
	tb.Helper()
	const page = 3
	after := time.Time{}
	for {
		minutes, err := s.OpenMinutes(tb.Context(), after, page)
		if err != nil {
			tb.Fatal(err)
		}
		for _, m := range minutes {
			if len(all) > 0 && !m.Minute.After(all[len(all)-1]) {
				tb.Fatalf("minute %v is listed after %v", m.Minute, all[len(all)-1])
			}
			all, after = append(all, m.Minute), m.Minute
		}
		if len(minutes) < page {
			return all
		}
	}
}

// hand is a clock that a test moves.
type hand struct{ now time.Time }

func newHand() *hand { return &hand{time.Now().UTC().Truncate(time.Millisecond)} }

func (h *hand) clock() time.Time { return h.now }

func (h *hand) pass(d time.Duration) time.Time { h.now = h.now.Add(d); return h.now }

// pending are the laws of marks and of the minutes that hold them.
func pending(t *testing.T, open Factory) {
	hold(t, open, map[string]law{
		"marks last until published":                marks,
		"a page goes on behind the last":            markPages,
		"recorded again, a mark outlives its older": markedAgain,
		"what is published is told":                 publishedIsTold,
		"a mark lies by its payment's event time":   markPlaces,
		"minutes are open while they hold marks":    minutesOpenAndClose,
	})
}

func marks(t *testing.T, open Factory) {
	h := newHand()
	s := open(t, h.clock)
	var want []engine.Mark
	for n := range 5 {
		tx := Payment(n, 10, 20)
		m := engine.MarkOf(&tx)
		m.RecordedAt = h.pass(time.Second)
		must(t, s.Record(t.Context(), &tx))
		want = append(want, m)
	}
	later := h.now.Add(time.Hour)
	same(t, "all marks", want, Marks(t, s, later))
	same(t, "marks before the third", want[:2], Marks(t, s, want[2].RecordedAt))
	for range 2 {
		must(t, s.MarkPublished(t.Context(), want[2:]))
		must(t, s.MarkPublished(t.Context(), []engine.Mark{{ID: want[1].ID, Minute: want[1].Minute}}))
	}
	must(t, s.MarkPublished(t.Context(), nil))
	same(t, "after publishing", want[:1], Marks(t, s, later))
	for what, q := range map[string]engine.MarkQuery{
		"another minute": {Minutes: []time.Time{want[1].Minute}, Before: later, Limit: 9},
		"no minute":      {Before: later, Limit: 9},
		"no room":        {Minutes: []time.Time{want[0].Minute}, Before: later},
	} {
		got, err := s.Unpublished(t.Context(), q)
		must(t, err)
		same(t, what, []engine.Mark(nil), got)
	}
}

// Every mark comes once, though each page is removed before the next is asked for.
func markPages(t *testing.T, open Factory) {
	s := open(t, time.Now)
	q := engine.MarkQuery{Before: time.Now().Add(time.Hour), Limit: 7}
	want := map[pix.EndToEndID]bool{}
	for n := range 60 {
		tx := Payment(n, 100+n, 20)
		tx.EventTime = Start().Add(time.Duration(n%3) * time.Minute)
		tx.DeviceToken = pix.TokenPair{}
		must(t, s.Record(t.Context(), &tx))
		want[tx.ID] = true
	}
	for n := range 3 {
		q.Minutes = append(q.Minutes, Start().Add(time.Duration(n)*time.Minute))
	}
	for pages := 0; ; pages++ {
		got, err := s.Unpublished(t.Context(), q)
		must(t, err)
		for _, m := range got {
			if !want[m.ID] {
				t.Errorf("page %d: %s comes twice or was never recorded", pages, m.ID)
			}
			delete(want, m.ID)
		}
		must(t, s.MarkPublished(t.Context(), got))
		if len(got) < q.Limit {
			break
		}
		q.After = got[len(got)-1]
	}
	if len(want) > 0 {
		t.Errorf("%d marks were never listed", len(want))
	}
}

// Of several recordings the last that a query sees counts, and removing a mark with its moment keeps a later one.
func markedAgain(t *testing.T, open Factory) {
	h := newHand()
	s := open(t, h.clock)
	tx := Payment(1, 10, 20)
	first, second, third := engine.MarkOf(&tx), engine.MarkOf(&tx), engine.MarkOf(&tx)
	for _, m := range []*engine.Mark{&first, &second, &third} {
		m.RecordedAt = h.pass(time.Minute)
		must(t, s.Record(t.Context(), &tx))
	}
	same(t, "seen at the third", []engine.Mark{second}, Marks(t, s, third.RecordedAt))
	must(t, s.DropMarks(t.Context(), []engine.Mark{second}))
	same(t, "at the third, after removal", []engine.Mark(nil), Marks(t, s, third.RecordedAt))
	same(t, "the third", []engine.Mark{third}, Marks(t, s, h.pass(time.Minute)))
	must(t, s.Record(t.Context(), &tx))
	must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&tx)}))
	same(t, "all", []engine.Mark(nil), Marks(t, s, h.pass(time.Minute)))
}

// A payment that comes late, or from another time zone, or under the id of another, is found where its event time says.
func markPlaces(t *testing.T, open Factory) {
	s := open(t, time.Now)
	late, elsewhere, impostor := Payment(1, 10, 20), Payment(2, 10, 20), Payment(2, 30, 40)
	late.EventTime = Start().Add(-3*24*time.Hour - time.Millisecond)
	elsewhere.EventTime = elsewhere.EventTime.Add(59*time.Second + 999*time.Millisecond).In(time.FixedZone("", -3*3600))
	impostor.EventTime = elsewhere.EventTime.Add(time.Millisecond)
	for _, tx := range []*pix.Transaction{&late, &elsewhere, &impostor} {
		must(t, s.Record(t.Context(), tx))
	}
	places := func() (all []engine.Mark) {
		for _, m := range Marks(t, s, time.Now().Add(time.Hour)) {
			all = append(all, engine.Mark{ID: m.ID, Minute: m.Minute})
		}
		return all
	}
	want := []engine.Mark{
		{ID: late.ID, Minute: Start().Add(-3*24*time.Hour - time.Minute)},
		{ID: elsewhere.ID, Minute: Start().Add(2 * time.Minute)}, {ID: impostor.ID, Minute: Start().Add(3 * time.Minute)},
	}
	same(t, "marks", want, places())
	must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&elsewhere)}))
	same(t, "without the one that was published", []engine.Mark{want[0], want[2]}, places())
}

func minutesOpenAndClose(t *testing.T, open Factory) {
	h := newHand()
	s := open(t, h.clock)
	list := func() []engine.OpenMinute {
		minutes, err := s.OpenMinutes(t.Context(), time.Time{}, 10)
		must(t, err)
		return minutes
	}
	same(t, "at first", []engine.OpenMinute(nil), list())
	tx := Payment(1, 10, 20)
	must(t, s.Record(t.Context(), &tx))
	minute := engine.MarkOf(&tx).Minute
	before := list()
	same(t, "recorded", []engine.OpenMinute{{Minute: minute, OpenedAt: h.now}}, before)
	h.pass(time.Minute)
	must(t, s.Record(t.Context(), &tx))
	must(t, s.CloseMinutes(t.Context(), before))
	again := list()
	same(t, "opened again while it was closed", []engine.OpenMinute{{Minute: minute, OpenedAt: h.now}}, again)
	must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&tx)}))
	for range 2 {
		must(t, s.CloseMinutes(t.Context(), again))
	}
	must(t, s.CloseMinutes(t.Context(), nil))
	same(t, "closed", []engine.OpenMinute(nil), list())
	h.pass(time.Hour)
	must(t, s.Record(t.Context(), &tx))
	same(t, "opened again", []engine.OpenMinute{{Minute: minute, OpenedAt: h.now}}, list())
	for n := range 5 {
		other := Payment(10+n, 10, 20)
		must(t, s.Record(t.Context(), &other))
	}
	if got := openMinutes(t, s); len(got) != 6 {
		t.Errorf("%d minutes are open, want 6: %v", len(got), got)
	}
}

func registerOf(t *testing.T, s engine.Store) engine.Register {
	t.Helper()
	r, ok := s.(engine.Register)
	if !ok {
		t.Fatal("the store is no register")
	}
	return r
}

func values(t *testing.T, open Factory) {
	r := registerOf(t, open(t, time.Now))
	steps := []struct{ name, was, next, want string }{
		{"a", "x", "y", ""}, // there is none to take the place of
		{"a", "", "one", "one"},
		{"a", "", "two", "one"},
		{"a", "on", "two", "one"}, // a part is not the whole
		{"a", ".*", "two", "one"}, // nor is a pattern
		{"a", "one", "t.w+o#1", "t.w+o#1"},
		{"b", "", "other", "other"},
		{"a", "one", "three", "t.w+o#1"},
		{"a", "t.w+o#1", "three", "three"},
		{"a", "other", "", "three"},
		{"a", "three", "", ""},
		{"a", "three", "four", ""},
		{"a", "", "five", "five"},
	}
	for _, step := range steps {
		got, err := r.Swap(t.Context(), step.name, step.was, step.next)
		must(t, err)
		stands, err := r.Value(t.Context(), step.name)
		must(t, err)
		if d := cmp.Diff([]string{step.want, step.want}, []string{got, stands}); d != "" {
			t.Errorf("%+v (-want +got):\n%s", step, d)
		}
	}
}
