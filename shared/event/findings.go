package event

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// maxProblems is how many problems of one message are named: more than a person reads, and not a million.
const maxProblems = 100

// findings is what reading a message brings up beside its values. No text in it comes from the message but the names of
// fields that cannot be anything else.
type findings struct {
	around   []string // names of the messages around the one that is being read, outermost first
	field    string   // name of the field that is being read
	broken   bool     // not JSON or not proto: what was read until there means nothing
	made     bool     // a payment that was decided: an enumeration's value that is not known here is kept as such
	problems []pix.Problem
	doubts   []doubt  // problems of what people send; in what our own parts send, a newer release
	unknown  []string // paths of enumerations whose value this release does not know
}

// doubt is something that is not in this release's contract.
type doubt struct {
	field  string
	reason string
	value  bool // a value of an enumeration rather than a field
}

// path is where a field of the present message is.
func (f *findings) path(name string) string {
	if name == "" {
		return strings.Join(f.around, ".")
	}
	return strings.Join(append(slices.Clip(f.around), name), ".")
}

func (f *findings) note(name, reason string) {
	if len(f.problems) < maxProblems {
		f.problems = append(f.problems, pix.Problem{Field: f.path(name), Reason: reason})
	}
}

// spoil notes why a message cannot be read at all.
func (f *findings) spoil(reason string) {
	f.broken = true
	f.problems = append(f.problems, pix.Problem{Reason: reason})
}

func (f *findings) doubt(name, reason string, value bool) {
	if len(f.doubts) < maxProblems {
		f.doubts = append(f.doubts, doubt{f.path(name), reason, value})
	}
}

// enter begins a message inside the present one; leave ends it.
func (f *findings) enter(name string) { f.around = append(f.around, name) }

func (f *findings) leave() { f.around = f.around[:len(f.around)-1] }

// unknownName notes a field of m that is not declared. The name is told when it looks like one: it could be anything.
func (f *findings) unknownName(m message, name []byte) {
	if len(f.doubts) == maxProblems {
		return
	}
	hint := "; leave it out"
	if near := m.nearest(string(name)); near != "" {
		hint = "; did you mean " + near + "?"
	}
	if isName(name) {
		f.doubt(string(name), "unknown field"+hint, false)
		return
	}
	f.doubt("", "holds a field the contract does not have"+hint, false)
}

func (f *findings) unknownNumber(n protowire.Number) {
	which := ""
	if n < 1000 { // no account has as few digits
		which = " (number " + strconv.Itoa(int(n)) + ")"
	}
	f.doubt("", "holds a field the contract does not have"+which+"; leave it out", false)
}

// isName tells names of fields from what may be somebody's document, telephone or address.
func isName(name []byte) bool {
	for _, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 40
}

// nearest is the field of m whose name is most like the given one, empty when none is much like it.
func (m message) nearest(name string) string {
	if len(name) > 40 {
		return ""
	}
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	best, least := "", 1+max(1, len(name)/4)
	for i := range m {
		if d := distance(name, strings.ToLower(m[i].name)); d < least {
			best, least = m[i].name, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed to make b of a (Levenshtein 1965).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// judge decides the doubts. In what our own parts wrote, a field or a value that is not known comes of a newer release
// during an upgrade: the field is left out, the value is missing and counted.
func (f *findings) judge(own bool) {
	for _, d := range f.doubts {
		switch {
		case !own && len(f.problems) < maxProblems:
			f.problems = append(f.problems, pix.Problem{Field: d.field, Reason: d.reason})
		case own && d.value:
			f.unknown = append(f.unknown, d.field)
		}
	}
}

// finish is everything that reading and validating m found, nil when that is nothing. Of a field that could not be read,
// validation has nothing to say. What it says of another one is told together with what a field of its kind looks like.
func (f *findings) finish(op string, m message, invalid error) error {
	if invalid == nil && len(f.problems) == 0 {
		return nil
	}
	validation := &pix.Problems{}
	if invalid != nil && !errors.As(invalid, &validation) {
		return wrap(op, invalid)
	}
	p := pix.Problems{List: f.problems}
	read := len(p.List)
	for _, one := range validation.List {
		told := slices.ContainsFunc(p.List[:read], func(r pix.Problem) bool {
			return one.Field == r.Field || strings.HasPrefix(one.Field, r.Field+".")
		})
		if told || len(p.List) == maxProblems {
			continue
		}
		if !strings.Contains(one.Reason, "as in ") && !strings.HasPrefix(one.Reason, "must be empty") {
			one.Reason += m.remedy(one.Field)
		}
		p.List = append(p.List, one)
	}
	return p.Err(op)
}

// remedy says what the field of a path looks like, empty when there is no such field.
func (m message) remedy(path string) string {
	name, rest, inside := strings.Cut(path, ".")
	for i := range m {
		if m[i].name != name {
			continue
		}
		if inner, ok := m[i].value.(message); ok && inside {
			return inner.remedy(rest)
		}
		return "; " + strings.TrimPrefix(m[i].value.expected(nil), textInUTF8)
	}
	return ""
}
