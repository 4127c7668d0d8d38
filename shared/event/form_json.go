package event

import (
	"bytes"
	"strconv"
	"strings"
)

// maxDepth bounds how deep a message may nest. The contract needs four levels; the rest is room for fields of a newer
// release.
const maxDepth = 32

// readText fills the places of a message from a whole JSON text.
func (m message) readText(in *findings, data []byte) {
	s := scanner{findings: in, in: data}
	if !m.readJSON(&s) {
		if reason := m.noObject(data); reason != "" {
			in.problems = nil
			in.spoil(reason)
		}
		return
	}
	if s.space(); s.at < len(s.in) {
		s.spoil("more follows the object at " + s.position() + "; a message holds one, as in " + m.example())
	}
}

// noObject says what a text is that does not begin as an object, empty when it does.
func (m message) noObject(data []byte) string {
	as := ", as in " + m.example()
	trimmed := bytes.TrimLeft(data, " \n\r\t")
	has := func(prefix string) bool { return bytes.HasPrefix(data, []byte(prefix)) }
	switch {
	case len(trimmed) == 0:
		return "empty; expected a JSON object" + as
	case has("\xef\xbb\xbf"):
		return "begins with a byte order mark; write UTF-8 without it" + as
	case has("\xff\xfe"), has("\xfe\xff"), len(data) > 1 && (data[0] == 0 || data[1] == 0):
		return "written in UTF-16; write UTF-8" + as
	case has("\x1f\x8b"):
		return "compressed with gzip; send JSON" + as
	case trimmed[0] == '[':
		return "an array; a message holds one object" + as
	case trimmed[0] != '{':
		return "malformed JSON at 1:1: expected an object" + as
	default:
		return ""
	}
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
		var name []byte
		var ok bool
		i := m.ahead(s, next)
		led := i >= 0
		if !led {
			if name, ok = s.text(); !ok {
				return s.wrong(aName)
			}
			i = m.named(name, next)
		}
		known := i >= 0 && seen&(1<<i) == 0
		if !known {
			m.refuse(s, name, i)
		}
		if !led && !s.take(':') {
			return s.wrong(aColon)
		}
		if known {
			seen |= 1 << i
			next = i + 1
			ok = m[i].readJSON(s)
		} else {
			ok = s.skip(maxDepth - 1 - len(s.around))
		}
		if !ok {
			return false
		}
		if !s.take(',') {
			return s.take('}') || s.wrong(`a comma or a closing brace, as in {"d3": 5, "d30": 10}`)
		}
	}
}

// refuse notes a name that is not declared, or declared and given already.
func (m message) refuse(s *scanner, name []byte, i int) {
	if i < 0 {
		s.unknownName(m, name)
		return
	}
	reason := "given twice"
	if other := snake(m[i].name); other != m[i].name {
		reason += ", be it as " + m[i].name + " or as " + other
	}
	s.note(m[i].name, reason+"; give it once")
}

// readJSON reads the value of one field. One of another type is noted and passed.
func (f *field) readJSON(s *scanner) bool {
	s.space()
	if s.at < len(s.in) && s.in[s.at] == 'n' && s.word("null") {
		return true
	}
	from := s.at
	s.field = f.name
	ok := false
	if inner, nested := f.value.(message); nested {
		s.enter(f.name)
		ok = inner.readJSON(s)
		s.leave()
	} else {
		ok = f.value.readJSON(s)
	}
	if ok || s.broken {
		return ok
	}
	s.at = from
	if !s.skip(maxDepth - 1 - len(s.around)) {
		return false
	}
	s.note(f.name, f.value.expected(s.in[from:s.at]))
	return true
}

// ahead passes the name of one of the fields from next on, with its colon, where they come next as a program writes them, and
// returns which it is. It saves reading what can be compared; everything else, it leaves to named.
func (m message) ahead(s *scanner, next int) int {
	s.space()
	in := s.in[s.at:]
	for i := next; i < len(m); i++ {
		if end := 1 + len(m[i].name); end+1 < len(in) && in[end+1] == ':' && in[end] == '"' && in[0] == '"' && string(in[1:end]) == m[i].name {
			s.at += end + 2
			return i
		}
	}
	return -1
}

// named finds a field by its name, either as JSON has it or as the .proto file does. Producers keep an order, so the
// search begins after the field before.
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
	if bytes.IndexByte(name, '_') < 0 {
		return -1
	}
	for i := range m {
		if snake(m[i].name) == string(name) {
			return i
		}
	}
	return -1
}

// snake is a field's name in the .proto file.
func snake(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// number reads a whole number, written as a number or as a string, with or without an exponent.
func (s *scanner) number() (int64, bool) {
	if s.space(); s.at < len(s.in) && s.in[s.at] == '"' {
		return s.quotedNumber()
	}
	negative := s.at < len(s.in) && s.in[s.at] == '-'
	from := s.at
	if negative {
		s.at++
	}
	first := s.at
	length := s.digits()
	if s.at < len(s.in) && (s.in[s.at] == '.' || s.in[s.at]|0x20 == 'e') || length > 18 {
		s.at = from
		text, ok := s.literal()
		if !ok {
			return 0, false
		}
		return wholeNumber(text)
	}
	if length > 1 && s.in[first] == '0' {
		return 0, false
	}
	n, ok := digits(s.in[first:s.at], 18)
	if negative {
		n = -n
	}
	return n, ok
}

func (s *scanner) quotedNumber() (int64, bool) {
	text, ok := s.text()
	if !ok {
		return 0, false
	}
	inside := scanner{findings: s.findings, in: text}
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return 0, false
	}
	if n, ok := digits(text, 18); ok && (text[0] != '0' || len(text) == 1) {
		return n, true
	}
	n, ok := inside.number()
	return n, ok && inside.at == len(text)
}

// wholeNumber converts a number as it is written. One with a fraction or beyond 64 bits is none.
func wholeNumber(text []byte) (int64, bool) {
	mantissa, exponent, _ := bytes.Cut(bytes.ToLower(text), []byte("e"))
	e := 0
	if len(exponent) > 0 {
		var err error
		if e, err = strconv.Atoi(string(exponent)); err != nil {
			return 0, false
		}
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	fraction = bytes.TrimRight(fraction, "0")
	sign := ""
	if whole[0] == '-' {
		sign, whole = "-", whole[1:]
	}
	all := append(bytes.Clone(whole), fraction...)
	zeros := e - len(fraction)
	for zeros < 0 && len(all) > 0 && all[len(all)-1] == '0' {
		all = all[:len(all)-1]
		zeros++
	}
	if all = bytes.TrimLeft(all, "0"); len(all) == 0 {
		return 0, true
	}
	if zeros < 0 || zeros > 19 {
		return 0, false
	}
	n, err := strconv.ParseInt(sign+string(all)+strings.Repeat("0", zeros), 10, 64)
	return n, err == nil
}

// decimal reads a number, written as a number or as a string.
func (s *scanner) decimal() (float64, bool) {
	if s.space(); s.at < len(s.in) && s.in[s.at] == '"' {
		text, ok := s.text()
		if !ok || len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
			return 0, false
		}
		inside := scanner{findings: s.findings, in: text}
		x, ok := inside.decimal()
		return x, ok && inside.at == len(text)
	}
	text, ok := s.literal()
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(text), 64)
	return x, err == nil
}
