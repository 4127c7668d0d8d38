package event

import (
	"bytes"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// growth is what becomes of a value of an enumeration that this release does not know.
type growth int

const (
	// extensible: a problem, unless a newer release of our own parts wrote it, to whose readers it is missing.
	extensible growth = iota
	// closed: always a problem. Nothing can be decided without the value.
	closed
	// grows: the value becomes UNKNOWN and is counted. The Banco Central adds to DICT's enumerations at any time.
	grows
)

// unknownCode is the value of an enumeration of DICT for what this release does not know.
const unknownCode = "UNKNOWN"

// codes is an enum; names are those of its values by number, prefix is how long their common beginning is. It is read
// with its prefix or without, as BigQuery shows it, and written with it.
type codes[S ~string] struct {
	to     *S
	names  []string
	prefix int
	growth growth
}

func code[S ~string](to *S, g growth, prefix string, names map[int32]string) codes[S] {
	v := codes[S]{to: to, growth: g, prefix: len(prefix), names: make([]string, len(names))}
	for n, name := range names {
		v.names[n] = name
	}
	return v
}

// set takes the value of a number. What one that is not known means depends on how the enumeration grows.
func (v codes[S]) set(in *findings, n int64) {
	switch {
	case n > 0 && n < int64(len(v.names)):
		*v.to = S(v.names[n][v.prefix:])
	case n == 0:
		*v.to = ""
	case v.growth == grows:
		*v.to = unknownCode
		in.unknown = append(in.unknown, in.path(in.field))
	case v.growth == extensible:
		*v.to = ""
		in.doubt(in.field, v.expected(nil), true)
	default:
		*v.to = notRecognised
		if !in.made {
			in.note(in.field, v.expected(nil))
		}
	}
}

// notKnown is a number that no enumeration has.
const notKnown = -1

func (v codes[S]) readJSON(s *scanner) bool {
	if s.space(); s.at == len(s.in) || s.in[s.at] != '"' {
		n, ok := s.number()
		if ok && n == int64(int32(n)) {
			v.set(s.findings, n)
			return true
		}
		return false
	}
	b, ok := s.text()
	if !ok {
		return false
	}
	for n, name := range v.names {
		if name == string(b) || name[v.prefix:] == string(b) {
			v.set(s.findings, int64(n))
			return true
		}
	}
	if v.growth == closed || !isCode(b) {
		return false
	}
	v.set(s.findings, notKnown)
	return true
}

// isCode tells a new code from a value that stands in the wrong field and from a spelling mistake in lower case.
func isCode(b []byte) bool {
	for _, c := range b {
		if c != '_' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 64
}

func (v codes[S]) readProto(in *findings, typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	if n >= 0 {
		v.set(in, int64(int32(x)))
	}
	return n
}

// expected lists the short names.
func (v codes[S]) expected(got []byte) string {
	var list []string
	for n, name := range v.names {
		if short := name[v.prefix:]; n > 0 && short != unknownCode {
			list = append(list, short)
		}
	}
	said := "one of " + strings.Join(list, ", ") + `, as in "` + list[0] + `"`
	if upper := bytes.ToUpper(got); len(got) > 2 && !bytes.Equal(upper, got) && v.has(upper[1:len(upper)-1]) {
		return "in capitals: " + said
	}
	return said
}

func (v codes[S]) has(name []byte) bool {
	for _, one := range v.names {
		if one == string(name) || one[v.prefix:] == string(name) {
			return true
		}
	}
	return false
}

// number returns the number of a code, 0 of none or of one that a newer release gave, and whether it has one.
func (v codes[S]) number() (int, bool) {
	if *v.to == "" || *v.to == notRecognised {
		return 0, true
	}
	for i, name := range v.names {
		if i > 0 && name[v.prefix:] == string(*v.to) {
			return i, true
		}
	}
	return 0, false
}

func (v codes[S]) writeProto(w *writer, n protowire.Number) {
	if i, ok := v.number(); i > 0 {
		w.varint(n, uint64(i))
	} else {
		w.spoiled = w.spoiled || !ok
	}
}

func (v codes[S]) unwritable(p *pix.Problems, path string) {
	if _, ok := v.number(); !ok {
		p.Add(path, notKnownValue)
	}
}

// unwritable names every code that has no number.
func (m message) unwritable(p *pix.Problems, path string) {
	for i := range m {
		if inner, ok := m[i].value.(interface {
			unwritable(p *pix.Problems, path string)
		}); ok {
			inner.unwritable(p, strings.TrimPrefix(path+"."+m[i].name, "."))
		}
	}
}
