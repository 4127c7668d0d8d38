package event

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// The JSON that is written is protojson's, byte for byte, without blanks: 64-bit numbers are text, times have 0, 3, 6
// or 9 decimals.

// writeJSON appends the members of an object that have a value. One without any is left out, as in proto.
func (m message) writeJSON(w *writer, name string) {
	from := len(w.out)
	if name != "" {
		w.member(name)
	}
	w.out = append(w.out, '{')
	body := len(w.out)
	for i := range m {
		m[i].value.writeJSON(w, m[i].name)
	}
	if name != "" && len(w.out) == body {
		w.out = w.out[:from]
		return
	}
	w.out = append(w.out, '}')
}

// member begins a member of an object. Its name needs no escapes.
func (w *writer) member(name string) {
	if w.out[len(w.out)-1] != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(append(append(w.out, '"'), name...), '"', ':')
}

// text writes a string. What would need an escape spoils the writer.
func (w *writer) text(name, s string) {
	w.member(name)
	ascii := true
	for i := range len(s) {
		w.spoiled = w.spoiled || s[i] < ' ' || s[i] == '"' || s[i] == '\\'
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	w.spoiled = w.spoiled || !ascii && !utf8.ValidString(s)
	w.out = append(append(append(w.out, '"'), s...), '"')
}

func (w *writer) number(name string, n int64) {
	w.member(name)
	w.out = append(strconv.AppendInt(append(w.out, '"'), n, 10), '"')
}

// decimals cuts nine decimals at the end to 0, 3 or 6 where the others are zeros.
func (w *writer) decimals() {
	for range 3 {
		if end := len(w.out) - 3; string(w.out[end:]) == "000" {
			w.out = w.out[:end]
		}
	}
	if end := len(w.out) - 1; w.out[end] == '.' {
		w.out = w.out[:end]
	}
}

func (w *writer) timeText(name string, t time.Time) {
	w.spoiled = w.spoiled || t.Unix() < firstSecond || t.Unix() > lastSecond
	w.member(name)
	w.out = t.UTC().AppendFormat(append(w.out, '"'), "2006-01-02T15:04:05.000000000")
	w.decimals()
	w.out = append(w.out, 'Z', '"')
}

func (v texts[S]) writeJSON(w *writer, name string) {
	if *v.to != "" {
		w.text(name, string(*v.to))
	}
}

func (v codes[S]) writeJSON(w *writer, name string) {
	if i, ok := v.number(); i > 0 {
		w.text(name, v.names[i])
	} else {
		w.spoiled = w.spoiled || !ok
	}
}

func (v integer) writeJSON(w *writer, name string) {
	if *v.to != 0 {
		w.number(name, int64(*v.to))
	}
}

func (v counts[N]) writeJSON(w *writer, name string) {
	if x, ok := v.to.Get(); ok {
		w.number(name, int64(x))
	}
}

// writeJSON leaves the numbers that need an exponent to protojson.
func (v double) writeJSON(w *writer, name string) {
	x := *v.to
	if math.Float64bits(x) == 0 {
		return
	}
	w.spoiled = w.spoiled || !(x >= 1e-6 && x < 1e21)
	w.member(name)
	w.out = strconv.AppendFloat(w.out, x, 'f', -1, 64)
}

func (v flag) writeJSON(w *writer, name string) {
	if yes, ok := v.to.Get(); ok {
		w.member(name)
		w.out = strconv.AppendBool(w.out, yes)
	}
}

func (v moment) writeJSON(w *writer, name string) {
	if !v.to.IsZero() {
		w.timeText(name, *v.to)
	}
}

func (v maybeMoment) writeJSON(w *writer, name string) {
	if t, ok := v.to.Get(); ok {
		w.timeText(name, t)
	}
}

func (v maybeSpan) writeJSON(w *writer, name string) {
	d, ok := v.to.Get()
	if !ok {
		return
	}
	w.spoiled = w.spoiled || d < 0
	w.member(name)
	w.out = strconv.AppendInt(append(w.out, '"'), int64(d/time.Second), 10)
	w.out = append(w.out, '.')
	from := len(w.out)
	w.out = strconv.AppendInt(w.out, int64(time.Second+max(d, 0)%time.Second), 10)
	w.out = append(w.out[:from], w.out[from+1:]...) // the leading 1 kept the zeros
	w.decimals()
	w.out = append(w.out, 's', '"')
}
