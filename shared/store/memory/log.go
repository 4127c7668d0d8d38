package memory

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

// log is one stream: its events with their statuses, and the statuses that must be kept beside them.
//
// The list of an ordinary stream is handed out to readers, who know it up to its end: appending goes behind that, and
// everything else copies the list first. A stream of more than feature.BusyEvents events is kept in chunks (busy), from
// which readers get tiles.
type log struct {
	family string
	events []feature.Event // ascending; nil once busy
	shared bool            // a reader holds events
	busy   *busy
	notes  []feature.StatusNote // returns, which add up, and statuses that came before their event; ascending
}

func compareNotes(a, b feature.StatusNote) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID), cmp.Compare(a.State, b.State),
		cmp.Compare(a.ReturnID, b.ReturnID))
}

func before(a, b *feature.Event) bool { return a.At < b.At || a.At == b.At && a.ID < b.ID }

// find returns the place of (At, ID) in ascending events and whether it is there. Events come in order, so it looks from
// the end.
func find(events []feature.Event, e *feature.Event) (int, bool) {
	n := len(events)
	if n == 0 || before(&events[n-1], e) {
		return n, false
	}
	i := sort.Search(n, func(i int) bool { return !before(&events[i], e) })
	return i, i < n && events[i].At == e.At && events[i].ID == e.ID
}

// has reports whether the stream holds the event.
func (l *log) has(e *feature.Event) bool {
	if l == nil {
		return false
	}
	if l.busy != nil {
		return l.busy.has(e)
	}
	_, found := find(l.events, e)
	return found
}

// add writes an event; a second one of the same (At, ID) takes the place of the first.
func (l *log) add(e feature.Event) {
	l.state(&e)
	if l.busy != nil {
		l.busy.add(e)
		return
	}
	i, found := find(l.events, &e)
	switch {
	case found:
		if l.events[i] != e {
			l.own()
			l.events[i] = e
		}
	case i == len(l.events):
		l.events = append(l.events, e)
	default:
		l.own()
		l.events = slices.Insert(l.events, i, e)
	}
	if len(l.events) > feature.BusyEvents {
		l.busy = newBusy(l.family, l.events)
		l.events, l.shared = nil, false
	}
}

// remove takes an event out. Statuses stay: they were noted on the payment that stands.
func (l *log) remove(e *feature.Event) {
	if l.busy != nil {
		l.busy.remove(e)
		return
	}
	if i, found := find(l.events, e); found {
		l.own()
		l.events = slices.Delete(l.events, i, i+1)
	}
}

// earliest is the first event that is left, as a first-ever fact.
func (l *log) earliest() feature.First {
	events := l.events
	if l.busy != nil {
		events = l.busy.earliest()
	}
	if len(events) == 0 {
		return feature.First{}
	}
	return feature.First{At: events[0].At, ID: events[0].ID}
}

// state puts the statuses that are known of an event into it.
func (l *log) state(e *feature.Event) {
	old, found := l.get(e)
	if found {
		e.State |= old.State
	}
	if len(l.notes) == 0 {
		return
	}
	e.Returned = 0
	i, _ := slices.BinarySearchFunc(l.notes, feature.StatusNote{At: e.At, ID: e.ID}, compareNotes)
	for ; i < len(l.notes) && l.notes[i].At == e.At && l.notes[i].ID == e.ID; i++ {
		e.Apply(&l.notes[i])
	}
}

func (l *log) get(e *feature.Event) (feature.Event, bool) {
	if l.busy != nil {
		return l.busy.get(e)
	}
	if i, found := find(l.events, e); found {
		return l.events[i], true
	}
	return feature.Event{}, false
}

// mark writes a status. Doing it again changes nothing.
func (l *log) mark(note *feature.StatusNote) {
	e, found := l.get(&feature.Event{At: note.At, ID: note.ID})
	if note.State == 0 || !found {
		i, known := slices.BinarySearchFunc(l.notes, *note, compareNotes)
		if known {
			l.notes[i] = *note
		} else {
			l.notes = slices.Insert(l.notes, i, *note)
		}
	}
	if !found {
		return
	}
	changed := e
	changed.State |= note.State
	l.state(&changed)
	switch {
	case changed == e:
	case l.busy != nil:
		l.busy.restate(&e, &changed)
	default:
		l.own()
		i, _ := find(l.events, &e)
		l.events[i] = changed
	}
}

// own makes sure that no reader holds the list.
func (l *log) own() {
	if l.shared {
		l.events, l.shared = append(make([]feature.Event, 0, len(l.events)+len(l.events)/4+2), l.events...), false
	}
}

// drop forgets what is older than a moment.
func (l *log) drop(oldest int64) {
	i := 0
	for i < len(l.events) && l.events[i].At < oldest {
		i++
	}
	l.events = l.events[i:]
	n := 0
	for n < len(l.notes) && l.notes[n].At < oldest {
		n++
	}
	l.notes = l.notes[n:]
	if l.busy != nil {
		l.busy.drop(oldest)
	}
}

// empty reports whether nothing is left.
func (l *log) empty() bool {
	return len(l.events)+len(l.notes) == 0 && (l.busy == nil || len(l.busy.chunks) == 0)
}

// size is how many events there are at most; a busy stream counts as endless.
func (l *log) size() int {
	switch {
	case l == nil:
		return 0
	case l.busy != nil:
		return math.MaxInt32
	default:
		return len(l.events)
	}
}

// reader is a payment that reads streams.
type reader struct {
	own   feature.Event // its time and id
	keeps bool          // it keeps what it reads, so that nobody may write there any more
}

// all returns every event of the reader's 30 days, and maybe more.
func (l *log) all(r *reader) []feature.Event {
	switch {
	case l == nil:
		return nil
	case l.busy != nil:
		return l.busy.all(&r.own)
	}
	l.shared = l.shared || r.keeps
	return l.events[:len(l.events):len(l.events)]
}

// visible is how many events the reader sees in 30 days.
func (l *log) visible(r *reader) int {
	switch {
	case l == nil:
		return 0
	case l.busy != nil:
		return l.busy.visible(&r.own)
	}
	end, _ := find(l.events, &r.own)
	start := sort.Search(end, func(i int) bool { return r.own.At-l.events[i].At < maxWindow })
	return end - start
}

// tiled returns the stream in tiles where there are any.
func (l *log) tiled(r *reader) feature.Stream {
	if l == nil || l.busy == nil {
		return feature.Stream{Events: l.all(r)}
	}
	return l.busy.stream(r)
}
