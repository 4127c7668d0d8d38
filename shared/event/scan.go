package event

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner walks JSON text (RFC 8259). A method that reads one kind of value returns false for what is not of that kind,
// be it another kind or no JSON at all; skip tells the two apart.
type scanner struct {
	*findings
	in      []byte
	at      int
	unquote []byte // scratch of text
}

// What is expected between and around values.
const (
	aName  = `a name in double quotes, as in "direction"`
	aColon = `a colon, as in "direction": "OUTBOUND"`
	aValue = `a value, as in "0001", 1599 or true`
)

// wrong spoils the message with where reading stopped and what should have been there.
func (s *scanner) wrong(expected string) bool {
	if s.broken {
		return false
	}
	reason := "expected " + expected
	if s.at == len(s.in) {
		reason = "the document ends before it is complete; " + reason
	} else {
		switch c := s.in[s.at]; {
		case c == '\'':
			reason = "a single quote; text and names stand in double quotes, as in \"direction\""
		case (c == '}' || c == ']') && bytes.HasSuffix(bytes.TrimRight(s.in[:s.at], " \n\r\t"), []byte(",")):
			reason = "a comma before a closing bracket; leave it out"
		case c < ' ':
			reason = "a control character inside text; write it as an escape, as in \\n"
		case c == '\\':
			reason = `no escape of JSON, or half a surrogate pair; write a backslash as \\ and other characters as they are`
		case !validRune(s.in[s.at:]):
			reason = "not UTF-8; write the document in UTF-8, not in Latin-1"
		}
	}
	s.spoil("malformed JSON at " + s.position() + ": " + reason)
	return false
}

func validRune(b []byte) bool {
	r, n := utf8.DecodeRune(b)
	return r != utf8.RuneError || n > 1
}

// position is the line and the column, both from 1, at which the scanner stands.
func (s *scanner) position() string {
	before := s.in[:s.at]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return fmt.Sprintf("%d:%d", bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(line)+1)
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

// text reads a string. The result is valid until the next call. Inside a malformed one the scanner stops where it is.
func (s *scanner) text() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	ascii := true
	for i := s.at + plain(s.in[s.at:]); i < len(s.in); i++ {
		switch c := s.in[i]; {
		case c == '"':
			b := s.in[s.at:i]
			if !ascii && !s.valid(b) {
				return nil, false
			}
			s.at = i + 1
			return b, true
		case c == '\\':
			return s.escaped(i)
		case c < ' ':
			s.at = i
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.at = len(s.in)
	return nil, false
}

// plain is how many bytes from the start of b mean themselves inside a string, in whole words of eight: none is a quote, a
// backslash, a control character or beyond ASCII.
func plain(b []byte) (n int) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, backslash := x^ones*'"', x^ones*'\\'
		// A byte's high bit is set where the byte is 0, less than a blank, or beyond ASCII; above the first one it may be set
		// for nothing.
		if special := ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-ones*' ')&^x | x) & highs; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
	}
	return n
}

// valid passes UTF-8, and otherwise goes to its first defect. b begins where the scanner stands.
func (s *scanner) valid(b []byte) bool {
	for len(b) > 0 {
		_, n := utf8.DecodeRune(b)
		if !validRune(b) {
			return false
		}
		b = b[n:]
		s.at += n
	}
	return true
}

// escaped reads the rest of a string from its first backslash.
func (s *scanner) escaped(i int) ([]byte, bool) {
	out := append(s.unquote[:0], s.in[s.at:i]...)
	if !s.valid(out) {
		return nil, false
	}
	for s.at = i; s.at < len(s.in) && s.in[s.at] >= ' '; {
		switch c := s.in[s.at]; {
		case c == '"':
			s.at++
			s.unquote = out
			return out, true
		case c == '\\':
			r, n := unescape(s.in[s.at:])
			if n == 0 {
				return nil, false
			}
			out = utf8.AppendRune(out, r)
			s.at += n
		case c < utf8.RuneSelf:
			out = append(out, c)
			s.at++
		case !validRune(s.in[s.at:]):
			return nil, false
		default:
			_, n := utf8.DecodeRune(s.in[s.at:])
			out = append(out, s.in[s.at:s.at+n]...)
			s.at += n
		}
	}
	return nil, false
}

// unescape reads the escape at the start of b and returns its length, 0 when it is none. Half of a surrogate pair is
// none.
func unescape(b []byte) (rune, int) {
	const short, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if len(b) < 2 {
		return 0, 0
	}
	if i := bytes.IndexByte([]byte(short), b[1]); i >= 0 {
		return rune(meant[i]), 2
	}
	r, ok := hexRune(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := hexRune(b[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// hexRune reads \uXXXX.
func hexRune(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	r, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(r), err == nil
}

// digits passes digits and counts them.
func (s *scanner) digits() int {
	from := s.at
	for s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9' {
		s.at++
	}
	return s.at - from
}

// literal reads a number as it is written.
func (s *scanner) literal() ([]byte, bool) {
	s.space()
	from := s.at
	if s.at < len(s.in) && s.in[s.at] == '-' {
		s.at++
	}
	first := s.at
	if whole := s.digits(); whole == 0 || whole > 1 && s.in[first] == '0' {
		return nil, false
	}
	if s.at < len(s.in) && s.in[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			return nil, false
		}
	}
	if s.at < len(s.in) && s.in[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.in) && (s.in[s.at] == '+' || s.in[s.at] == '-') {
			s.at++
		}
		if s.digits() == 0 {
			return nil, false
		}
	}
	return s.in[from:s.at], true
}

// skip passes a value of any type whose brackets nest at most depth levels.
func (s *scanner) skip(depth int) bool {
	s.space()
	if s.at == len(s.in) {
		return s.wrong(aValue)
	}
	var ok bool
	switch c := s.in[s.at]; {
	case (c == '{' || c == '[') && depth == 0:
		s.spoil("nested deeper than " + strconv.Itoa(maxDepth) + " levels at " + s.position() + "; the contract needs four: leave it out")
		return false
	case c == '{':
		return s.list('}', func() bool {
			if _, ok := s.text(); !ok {
				return s.wrong(aName)
			}
			return (s.take(':') || s.wrong(aColon)) && s.skip(depth-1)
		})
	case c == '[':
		return s.list(']', func() bool { return s.skip(depth - 1) })
	case c == '"':
		_, ok = s.text()
	case c == '-' || c >= '0' && c <= '9':
		from := s.at
		if _, ok = s.literal(); !ok {
			s.at = from
		}
	default:
		ok = s.word("true") || s.word("false") || s.word("null")
	}
	return ok || s.wrong(aValue)
}

// list passes items up to the closing byte.
func (s *scanner) list(end byte, item func() bool) bool {
	s.at++
	if s.take(end) {
		return true
	}
	for item() {
		if !s.take(',') {
			return s.take(end) || s.wrong("a comma or a closing bracket, as in [1, 2]")
		}
	}
	return false
}
