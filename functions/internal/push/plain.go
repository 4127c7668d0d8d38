package push

import (
	"bytes"
	"unicode/utf8"

	"github.com/sentinela-pix/sentinela/shared/bus"
)

// What Pub/Sub and Eventarc write needs no general reader, which passes over a small message seven times before its payload
// is unpacked. It is read here in one pass. Whatever is not of that form, be it only an escape or a name given twice, and
// whatever is to be refused, is left to encoding/json: it alone judges, and tests hold this reader to it.

// plainBody reads a push, and returns false for what it leaves to the general reader.
func plainBody(data []byte) (Found, bool) {
	r := plainReader{in: data}
	b, ok := r.body()
	if !ok || !r.ended() {
		return Found{}, false
	}
	f := b.found()
	return f, f.Unreadable == nil
}

// plainEvents reads a batch of CloudEvents in the same way.
func plainEvents(data []byte) ([]Found, bool) {
	r := plainReader{in: data}
	if !r.take('[') {
		return nil, false
	}
	var all []Found
	for more := true; more; more = r.take(',') {
		f, ok := r.event()
		if !ok || len(all) == maxBatch {
			return nil, false
		}
		all = append(all, f)
	}
	return all, r.take(']') && r.ended()
}

// plainEvent reads one CloudEvent.
func plainEvent(data []byte) (Found, bool) {
	r := plainReader{in: data}
	f, ok := r.event()
	return f, ok && r.ended()
}

// plainReader walks over JSON that has no escapes.
type plainReader struct {
	in []byte
	at int
}

func (r *plainReader) space() {
	for r.at < len(r.in) && (r.in[r.at] == ' ' || r.in[r.at] == '\n' || r.in[r.at] == '\r' || r.in[r.at] == '\t') {
		r.at++
	}
}

func (r *plainReader) take(c byte) bool {
	r.space()
	if r.at == len(r.in) || r.in[r.at] != c {
		return false
	}
	r.at++
	return true
}

// ended tells whether nothing follows, and that the whole is UTF-8.
func (r *plainReader) ended() bool {
	r.space()
	return r.at == len(r.in) && utf8.Valid(r.in)
}

// text reads a text that means itself, and stays where it is before anything else.
func (r *plainReader) text() ([]byte, bool) {
	r.space()
	rest := r.in[r.at:]
	if len(rest) == 0 || rest[0] != '"' {
		return nil, false
	}
	length := bytes.IndexByte(rest[1:], '"')
	if length < 0 {
		return nil, false
	}
	text := rest[1 : 1+length]
	for _, c := range text {
		if c < ' ' || c == '\\' {
			return nil, false
		}
	}
	r.at += length + len(`""`)
	return text, true
}

// short reads a text of bounded length.
func (r *plainReader) short(to *shortText) bool {
	text, ok := r.text()
	*to = shortText(text)
	return ok && len(text)+len(`""`) <= maxShortBytes
}

// pass passes the value of a member that is not read: a text or a whole number.
func (r *plainReader) pass() bool {
	if _, ok := r.text(); ok {
		return true
	}
	from := r.at
	for r.at < len(r.in) && r.in[r.at] >= '0' && r.in[r.at] <= '9' {
		r.at++
	}
	return r.at == from+1 || r.at > from && r.in[from] != '0'
}

// members passes an object. Of the names that are read each may come once; to encoding/json any other case is the same name.
func (r *plainReader) members(names []string, read func(i int) bool) bool {
	seen := 0
	if !r.take('{') || r.take('}') {
		return false
	}
	for {
		name, ok := r.text()
		if !ok || !r.take(':') {
			return false
		}
		switch i := folded(names, name); {
		case i < 0:
			ok = r.pass()
		case names[i] != string(name), seen&(1<<i) != 0:
			return false
		default:
			seen |= 1 << i
			ok = read(i)
		}
		if !ok {
			return false
		}
		if !r.take(',') {
			return r.take('}')
		}
	}
}

// folded is which of the names encoding/json takes this one for, -1 for none.
func folded(names []string, name []byte) int {
	for i, n := range names {
		if len(n) <= len(name) && bytes.EqualFold([]byte(n), name) {
			return i
		}
	}
	return -1
}

func (r *plainReader) body() (b body, ok bool) {
	ok = r.members([]string{"message"}, func(int) bool {
		b.Message = &wrappedMessage{}
		return r.message(b.Message)
	})
	return b, ok
}

func (r *plainReader) message(m *wrappedMessage) bool {
	return r.members([]string{"data", "attributes", "messageId", "publishTime"}, func(i int) bool {
		switch i {
		case 0:
			text, ok := r.text()
			return ok && m.Data.decode(text) == nil
		case 1:
			return r.attributes(&m.Attributes)
		case 2:
			return r.short(&m.MessageID)
		default:
			return r.short(&m.PublishTime)
		}
	})
}

// attributes reads an object of texts.
func (r *plainReader) attributes(to *attributes) bool {
	if !r.take('{') {
		return false
	}
	from, read := r.at, attributes{}
	for more := !r.take('}'); more; {
		name, ok1 := r.text()
		ok2 := r.take(':')
		value, ok3 := r.text()
		if !ok1 || !ok2 || !ok3 || len(read) == bus.MaxAttributes {
			return false
		}
		read[string(name)] = string(value)
		if more = r.take(','); !more && !r.take('}') {
			return false
		}
	}
	*to = read
	return r.at-from < maxAttributesBytes
}

func (r *plainReader) event() (f Found, ok bool) {
	var kind shortText
	var b body
	ok = r.members([]string{"type", "data", "data_base64"}, func(i int) (ok bool) {
		switch i {
		case 0:
			return r.short(&kind)
		case 1:
			b, ok = r.body()
			return ok
		default:
			return false
		}
	})
	if !ok || kind != messagePublished {
		return Found{}, false
	}
	f = b.found()
	return f, f.Unreadable == nil
}
