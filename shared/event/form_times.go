package event

import (
	"bytes"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// moment is a time that is absent as the zero time.
type moment struct{ to *time.Time }

func (v moment) readJSON(s *scanner) bool {
	t, ok := s.time()
	*v.to = t
	return ok
}

func (v moment) readProto(_ *findings, typ protowire.Type, b []byte) int {
	t, n := consumeTime(typ, b)
	*v.to = t
	return n
}

func (v moment) writeProto(w *writer, n protowire.Number) {
	if !v.to.IsZero() {
		w.time(n, *v.to)
	}
}

// maybeMoment is a time that may be missing.
type maybeMoment struct{ to *pix.Optional[time.Time] }

func (v maybeMoment) readJSON(s *scanner) bool {
	t, ok := s.time()
	*v.to = pix.Some(t)
	return ok
}

func (v maybeMoment) readProto(_ *findings, typ protowire.Type, b []byte) int {
	t, n := consumeTime(typ, b)
	*v.to = pix.Some(t)
	return n
}

func (v maybeMoment) writeProto(w *writer, n protowire.Number) {
	if t, ok := v.to.Get(); ok {
		w.time(n, t)
	}
}

func (v moment) expected(got []byte) string { return expectedTime(got) }

func (v maybeMoment) expected(got []byte) string { return expectedTime(got) }

// expectedTime says what a time looks like and, of the usual mistakes, which one it was.
func expectedTime(got []byte) string {
	const example = ", as in 2026-11-23T14:05:00-03:00"
	b := bytes.Trim(got, `"`)
	as := func(layout string) bool { _, err := time.Parse(layout, string(b)); return err == nil }
	switch {
	case len(b) > 0 && len(bytes.Trim(b, "-.0123456789")) == 0 && !as(time.DateOnly):
		return "a date and a time rather than seconds since 1970" + example
	case as("2006-01-02T15:04:05"), as("2006-01-02T15:04"):
		return "needs a zone" + example
	case as(time.DateTime), as("2006-01-02 15:04:05Z07:00"), as("2006-01-02 15:04:05 Z07:00"), as("2006-01-02 15:04:05 MST"):
		return "needs a T between date and time, and a zone" + example
	case as(time.DateOnly):
		return "needs a time and a zone" + example
	default:
		return "a date and a time with its zone" + example
	}
}

func (v maybeSpan) expected([]byte) string { return `seconds and an s, as in "72.5s"` }

// time reads RFC 3339. It refuses more than nine digits of a second, which Go would cut off, and a comma before
// them.
func (s *scanner) time() (time.Time, bool) {
	b, ok := s.text()
	if !ok || len(b) < len("2006-01-02T15:04:05Z") || len(b) > len("2006-01-02T15:04:05.999999999+00:00") {
		return time.Time{}, false
	}
	if b[19] == ',' || b[19] == '.' && len(bytes.TrimLeft(b[20:], "0123456789")) < len(b[20:])-9 {
		return time.Time{}, false
	}
	var t time.Time
	if t.UnmarshalText(b) != nil || t.Unix() < firstSecond || t.Unix() > lastSecond {
		return time.Time{}, false
	}
	return t.UTC(), true
}

func consumeTime(typ protowire.Type, b []byte) (time.Time, int) {
	seconds, nanos, n := consumeSeconds(typ, b)
	if n < 0 || seconds < firstSecond || seconds > lastSecond {
		return time.Time{}, unread
	}
	return time.Unix(seconds, nanos).UTC(), n
}

// maybeSpan is a duration that may be missing.
type maybeSpan struct {
	to *pix.Optional[time.Duration]
}

// readJSON reads seconds with at most nine decimals, for example "72.500s", and nothing negative.
func (v maybeSpan) readJSON(s *scanner) bool {
	b, ok := s.text()
	if !ok || len(b) < 2 || b[len(b)-1] != 's' {
		return false
	}
	whole, fraction, dotted := bytes.Cut(b[:len(b)-1], []byte("."))
	seconds, ok1 := digits(whole, 9)
	nanos, ok2 := digits(append(bytes.Clone(fraction), "000000000"[min(len(fraction), 9):]...), 9)
	if !ok1 || !ok2 || dotted && len(fraction) == 0 || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	*v.to = pix.Some(time.Duration(seconds)*time.Second + time.Duration(nanos))
	return true
}

func digits(b []byte, most int) (int64, bool) {
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(b) > 0 && len(b) <= most
}

func (v maybeSpan) readProto(_ *findings, typ protowire.Type, b []byte) int {
	seconds, nanos, n := consumeSeconds(typ, b)
	if n < 0 || seconds < 0 || seconds > longestSpan {
		return unread
	}
	*v.to = pix.Some(time.Duration(seconds)*time.Second + time.Duration(nanos))
	return n
}

func (v maybeSpan) writeProto(w *writer, n protowire.Number) {
	if d, ok := v.to.Get(); ok {
		w.seconds(n, int64(d/time.Second), int64(d%time.Second))
	}
}
