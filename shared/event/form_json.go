package event

import (
	"strconv"
	"unicode/utf8"
)

// scanner walks JSON text as programs write it. Every method returns false for what it does not understand, which need
// not be wrong.
type scanner struct {
	in      []byte
	at      int
	unquote []byte // scratch of text
}

// readAll fills the places of a message from a whole JSON text.
func (m message) readAll(data []byte) bool {
	s := scanner{in: data}
	if !m.readJSON(&s) {
		return false
	}
	s.space()
	return s.at == len(s.in)
}

func (m message) readJSON(s *scanner) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	var seen uint64
	next := 0
	for {
		name, ok := s.text()
		if !ok || !s.take(':') {
			return false
		}
		i := m.named(name, next)
		switch {
		case i < 0:
			ok = s.skip(maxDepth) // of a newer producer
		case seen&(1<<i) != 0:
			ok = false
		default:
			seen |= 1 << i
			next = i + 1
			ok = s.word("null") || m[i].value.readJSON(s)
		}
		if !ok {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// named finds a field by its name in JSON. Producers keep an order, so the search begins after the field before.
func (m message) named(name []byte, next int) int {
	for i := next; i < len(m); i++ {
		if m[i].name == string(name) {
			return i
		}
	}
	for i := range m[:next] {
		if m[i].name == string(name) {
			return i
		}
	}
	return -1
}

func (s *scanner) space() {
	for s.at < len(s.in) {
		switch s.in[s.at] {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return
		}
	}
}

// take skips blanks and the byte c, if it comes next.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.at == len(s.in) || s.in[s.at] != c {
		return false
	}
	s.at++
	return true
}

// word skips blanks and a literal, if it comes next. What follows it is the caller's to check.
func (s *scanner) word(w string) bool {
	s.space()
	if len(s.in)-s.at < len(w) || string(s.in[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

// text reads a string. The result is valid until the next call.
func (s *scanner) text() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	ascii := true
	for i := s.at; i < len(s.in); i++ {
		switch c := s.in[i]; {
		case c == '"':
			b := s.in[s.at:i]
			s.at = i + 1
			return b, ascii || utf8.Valid(b)
		case c == '\\':
			return s.escaped(i)
		case c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// escaped reads the rest of a string from its first backslash. Surrogates are left to protojson.
func (s *scanner) escaped(i int) ([]byte, bool) {
	out := append(s.unquote[:0], s.in[s.at:i]...)
	for i < len(s.in) && s.in[i] >= ' ' {
		switch c := s.in[i]; {
		case c == '"':
			s.at, s.unquote = i+1, out
			return out, utf8.Valid(out)
		case c != '\\':
			out = append(out, c)
			i++
		case i+6 <= len(s.in) && s.in[i+1] == 'u':
			r, err := strconv.ParseUint(string(s.in[i+2:i+6]), 16, 16)
			if err != nil || !utf8.ValidRune(rune(r)) {
				return nil, false
			}
			out = utf8.AppendRune(out, rune(r))
			i += 6
		case i+2 <= len(s.in) && (s.in[i+1] == '"' || s.in[i+1] == '\\' || s.in[i+1] == '/'):
			out = append(out, s.in[i+1])
			i += 2
		default:
			return nil, false
		}
	}
	return nil, false
}

// number reads a whole number of at most 18 digits, written as a number or as a string.
func (s *scanner) number() (int64, bool) {
	quoted := s.take('"')
	negative := s.at < len(s.in) && s.in[s.at] == '-'
	if negative {
		s.at++
	}
	from := s.at
	length := s.digits()
	if length > 1 && s.in[from] == '0' {
		return 0, false
	}
	n, ok := digits(s.in[from:s.at], 18)
	if !ok {
		return 0, false
	}
	if negative {
		n = -n
	}
	if quoted {
		if s.at == len(s.in) || s.in[s.at] != '"' {
			return 0, false
		}
		s.at++
	}
	return n, true
}

// decimal reads a number without an exponent.
func (s *scanner) decimal() (float64, bool) {
	s.space()
	from := s.at
	if s.at < len(s.in) && s.in[s.at] == '-' {
		s.at++
	}
	first := s.at
	whole := s.digits()
	if whole == 0 || whole > 1 && s.in[first] == '0' {
		return 0, false
	}
	if s.at < len(s.in) && s.in[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			return 0, false
		}
	}
	x, err := strconv.ParseFloat(string(s.in[from:s.at]), 64)
	return x, err == nil
}

// digits passes digits and counts them.
func (s *scanner) digits() int {
	from := s.at
	for s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9' {
		s.at++
	}
	return s.at - from
}

// skip passes a value of any type that nests at most depth levels.
func (s *scanner) skip(depth int) bool {
	switch {
	case depth == 0:
		return false
	case s.take('{'):
		return s.list('}', func() bool {
			_, ok := s.text()
			return ok && s.take(':') && s.skip(depth-1)
		})
	case s.take('['):
		return s.list(']', func() bool { return s.skip(depth - 1) })
	case s.word("true"), s.word("false"), s.word("null"):
		return true
	}
	if s.at < len(s.in) && s.in[s.at] == '"' {
		_, ok := s.text()
		return ok
	}
	_, ok := s.decimal()
	return ok
}

// list passes items up to the closing byte.
func (s *scanner) list(end byte, item func() bool) bool {
	if s.take(end) {
		return true
	}
	for item() {
		if !s.take(',') {
			return s.take(end)
		}
	}
	return false
}
