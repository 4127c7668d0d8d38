package event_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// TestTimesAreTheStandardReaders: of every text that is nearly a time, the reader says what the standard library says of
// RFC 3339, but for more than nine digits of a second, which it refuses.
func TestTimesAreTheStandardReaders(t *testing.T) {
	t.Parallel()
	data := example(t)
	number := func(most int) *rapid.Generator[string] {
		return rapid.Map(rapid.IntRange(0, most), func(n int) string { return fmt.Sprintf("%02d", n) })
	}
	rapid.Check(t, func(t *rapid.T) {
		fraction := rapid.StringMatching(`(\.[0-9]{0,11})?|,[0-9]`).Draw(t, "fraction")
		text := rapid.SampledFrom([]string{"2026", "0000", "9999", "2024", "20x6"}).Draw(t, "year") + "-" +
			number(13).Draw(t, "month") + "-" + number(32).Draw(t, "day") + rapid.SampledFrom([]string{"T", "T", "T", "t", " "}).Draw(t, "T") +
			number(24).Draw(t, "hour") + ":" + number(60).Draw(t, "minute") + ":" + number(60).Draw(t, "second") + fraction +
			rapid.SampledFrom([]string{"Z", "Z", "Z", "z", "", "+03:00", "-00:00", "+24:00"}).Draw(t, "zone")
		var want time.Time
		err := want.UnmarshalText([]byte(text))
		inContract := want.Unix() >= -62135596800 && want.Unix() <= 253402300799 && len(fraction) <= len(".123456789") && !strings.HasPrefix(fraction, ",")
		fits := err == nil && inContract
		got, refused := event.DecodeSubmissionJSON(withEventTime(data, text))
		if (refused == nil) != fits || fits && !got.EventTime.Equal(want.Truncate(time.Millisecond)) {
			t.Fatalf("%s: %v, %v; the standard reader: %v, %v", text, got.EventTime, refused, want, err)
		}
	})
}

// withEventTime is a payment with another text for its time.
func withEventTime(data []byte, text string) []byte {
	from := bytes.Index(data, []byte(`"eventTime":`)) + len(`"eventTime":`)
	from += bytes.IndexByte(data[from:], '"') + 1
	to := from + bytes.IndexByte(data[from:], '"')
	return append(append(bytes.Clone(data[:from]), text...), data[to:]...)
}

// TestNumbersInQuotes: a whole number in quotes is one as it stands without them.
func TestNumbersInQuotes(t *testing.T) {
	t.Parallel()
	data := example(t)
	from := bytes.Index(data, []byte(`"amountCentavos":`)) + len(`"amountCentavos":`)
	to := from + bytes.IndexByte(data[from:], ',')
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "123456789012345678": 123456789012345678, "1e2": 100, "-5": -5, "10.0": 10,
		"007": -1, "00": -1, "": -1, "+7": -1, "7 ": -1, " 7": -1, "1.5": -1, "9223372036854775808": -1, "x": -1, "-": -1,
	} {
		for _, quoted := range []string{`"` + text + `"`, text} {
			if want < 0 && want != -5 && quoted == text && strings.TrimSpace(text) != text {
				continue // blanks around a number mean nothing
			}
			got, err := event.DecodeSubmissionJSON(append(append(bytes.Clone(data[:from]), quoted...), data[to:]...))
			if (err == nil) != (want != -1) || err == nil && int64(got.Amount) != want {
				t.Errorf("%s is %d, %v; want %d", quoted, got.Amount, err, want)
			}
		}
	}
}
