package memory

import (
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

// row is one entity. Most have one or two streams.
type row struct {
	out, in, use *log
	first        feature.Firsts
	marks        []feature.Mark // as feature.SortMarks leaves them; never written again
}

// log returns a stream of the row, which it makes when there is none.
func (r *row) log(family string) *log {
	into := r.stream(family)
	if *into == nil {
		*into = &log{family: family}
	}
	return *into
}

func (r *row) stream(family string) **log {
	switch family {
	case feature.FamilyOut:
		return &r.out
	case feature.FamilyIn:
		return &r.in
	default:
		return &r.use
	}
}

// row returns an entity's row, which it makes when there is none. Called with the lock held.
func (s *Store) row(name string) *row {
	r := s.rows[name]
	if r == nil {
		r = &row{first: s.archive.take(name)}
		s.rows[name] = r
		s.lookLater(name, retentionDays)
	}
	return r
}

// carry brings what outlives the 30 days from an entity's row under the token before a rotation to the current one.
func (s *Store) carry(names feature.Row) {
	if names.Previous == "" || names.Previous == names.Current {
		return
	}
	old := s.known(names.Previous)
	if old.first == (feature.Firsts{}) && len(old.marks) == 0 {
		return
	}
	r := s.row(names.Current)
	r.first = r.first.Earlier(old.first)
	if len(old.marks) > 0 {
		r.marks = feature.SortMarks(slices.Concat(r.marks, old.marks))
	}
}

// record writes one event. A payment that is in the entity's row under the token before a rotation is not written twice.
func (s *Store) record(w *feature.Write) {
	r := s.row(w.Row)
	if w.Previous != "" && w.Previous != w.Row && (*s.known(w.Previous).stream(w.Family)).has(&w.Event) {
		return
	}
	first := r.first.Of(w.Family)
	*first = first.Earlier(feature.First{At: w.Event.At, ID: w.Event.ID})
	l := r.log(w.Family)
	l.drop(s.watermark - retention)
	l.add(w.Event)
}

// withdraw takes an event out of the row of that name, or puts the standing payment's in its place, of which kept are the
// events. A first-ever fact that was the event's becomes that of the earliest event left: whatever the event came before is
// younger than it, and so not forgotten yet.
func (r *row) withdraw(name string, w *feature.Write, kept []feature.Write) {
	l := r.log(w.Family)
	for i := range kept {
		if k := &kept[i]; k.Row == name && k.Family == w.Family && k.Event.At == w.Event.At {
			l.add(k.Event)
			return
		}
	}
	l.remove(&w.Event)
	if first := r.first.Of(w.Family); first.At == w.Event.At && first.ID == w.Event.ID {
		*first = l.earliest()
	}
}

// known returns what is known of an entity, for reading.
func (s *Store) known(name string) *row {
	if r := s.rows[name]; r != nil {
		return r
	}
	return &row{first: s.archive.look(name)}
}

// history joins an entity's rows under its current and its previous token. Called with the lock held.
func (s *Store) history(names feature.Row, by *reader) feature.History {
	current, previous := s.known(names.Current), &row{}
	if names.Previous != names.Current {
		previous = s.known(names.Previous)
	}
	h := feature.History{
		Out: join(previous.out, current.out, by), In: join(previous.in, current.in, by),
		Use: join(previous.use, current.use, by), First: current.first.Earlier(previous.first), Marks: current.marks,
	}
	if len(previous.marks) > 0 {
		h.Marks = feature.SortMarks(slices.Concat(current.marks, previous.marks))
	}
	return h
}

// join reads one stream from both rows: in tiles when the payment sees more events than a stream may have without being
// busy.
func join(previous, current *log, by *reader) feature.Stream {
	if previous.size()+current.size() <= feature.BusyEvents || previous.visible(by)+current.visible(by) <= feature.BusyEvents {
		if previous == nil {
			return feature.Stream{Events: current.all(by)}
		}
		return feature.Stream{Events: feature.Sort(slices.Concat(previous.all(by), current.all(by)))}
	}
	a, b := previous.tiled(by), current.tiled(by)
	if previous == nil {
		return b
	}
	return feature.Stream{
		Events: feature.Sort(slices.Concat(a.Events, b.Events)), Tiles: slices.Concat(a.Tiles, b.Tiles),
	}
}

// Days of event time until a row is looked at: when it is new, since nothing of it can be too old before, and again.
const (
	day           = int64(24 * time.Hour / time.Millisecond)
	retentionDays = retention/day + 1
	againDays     = 3
)

// lookLater puts a row in line to be looked at.
func (s *Store) lookLater(name string, days int64) {
	on := s.watermark/day + days
	if len(s.due) == 0 {
		s.dueNext = on
	}
	s.due[on] = append(s.due[on], name)
}

// sweep looks at the next rows in line and drops those of which nothing is left but when they were first seen.
func (s *Store) sweep() {
	for left := sweptRows; left > 0 && len(s.due) > 0 && s.dueNext <= s.watermark/day; {
		names := s.due[s.dueNext]
		if len(names) == 0 {
			delete(s.due, s.dueNext)
			s.dueNext++
			continue
		}
		name := names[len(names)-1]
		s.due[s.dueNext] = names[:len(names)-1]
		left--
		r := s.rows[name]
		if s.fade(r) {
			s.lookLater(name, againDays)
			continue
		}
		s.archive.put(name, r.first)
		delete(s.rows, name)
	}
}

// fade drops what is too old of a row, events older than the retention and marks older than theirs, and reports whether
// anything is left.
func (s *Store) fade(r *row) bool {
	left := 0
	for _, l := range [...]**log{&r.out, &r.in, &r.use} {
		if *l == nil {
			continue
		}
		if (*l).drop(s.watermark - retention); (*l).empty() {
			*l = nil
			continue
		}
		left++
	}
	n := len(r.marks)
	for n > 0 && r.marks[n-1].At < s.watermark-feature.MarkRetention.Milliseconds() {
		n--
	}
	r.marks = r.marks[:n:n]
	return left+n > 0
}
