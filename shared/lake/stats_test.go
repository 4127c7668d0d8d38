package lake_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

// TestCutMaximumIsNotBelow is the law readers rely on: what they skip by a maximum has no value above it.
func TestCutMaximumIsNotBelow(t *testing.T) {
	t.Parallel()
	runes := rapid.SampledFrom([]rune{'a', 'z', 0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, utf8.MaxRune})
	rapid.Check(t, func(t *rapid.T) {
		v := string(rapid.SliceOfN(runes, 0, 80).Draw(t, "value"))
		upper, ok := lake.CutAbove(v)
		if !ok {
			if !strings.HasPrefix(v, strings.Repeat(string(utf8.MaxRune), 32)) {
				t.Fatalf("no maximum for %q", v)
			}
			return
		}
		if upper < v || !utf8.ValidString(upper) || utf8.RuneCountInString(upper) > 32 {
			t.Fatalf("maximum %q of %q", upper, v)
		}
	})
}

func TestCutMaximum(t *testing.T) {
	t.Parallel()
	head := strings.Repeat("a", 31)
	for v, want := range map[string]string{
		"": "", "short": "short", head + "b": head + "b", head + "bc": head + "c",
		head + "\uD7FFx": head + "\uE000", head + "\uFFFFx": head + "\U00010000",
		head + "\U0010FFFFx": strings.Repeat("a", 30) + "b",
	} {
		if got, ok := lake.CutAbove(v); got != want || !ok {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
	if got, ok := lake.CutAbove(strings.Repeat("\U0010FFFF", 33)); ok {
		t.Errorf("a maximum above everything: %q", got)
	}
}

// TestStatsBoundEveryRow is the law of a file's statistics: no value is outside the bounds that the log gives, byte by byte for
// texts and in time for timestamps; nulls are counted; floats have no bounds.
func TestStatsBoundEveryRow(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 8))
	stems := []string{"", "a", "b", strings.Repeat("m", 31), strings.Repeat("m", 33), strings.Repeat("m", 32) + "z", strings.Repeat("ç", 40), strings.Repeat("\U0010FFFF", 33)}
	for round := range 30 {
		objects := newMemory()
		table := openPlain(t, objects)
		rows := make([][]lake.Value, 1+rng.IntN(6))
		low, high, texts := int64(math.MaxInt64), int64(math.MinInt64), []string{}
		for i := range rows {
			at, text := rng.Int64N(9_000)-3_000, stems[rng.IntN(len(stems))]+fmt.Sprint(rng.IntN(20))
			low, high, texts = min(low, at), max(high, at), append(texts, text)
			rows[i] = []lake.Value{lake.Micros(at), lake.Text(text), lake.Integer(-at), lake.Float(float64(at)), {}, {}, {}}
		}
		commitFile(t, table, rows...)
		s := statsOf(t, objects)
		slices.Sort(texts)
		most, bounded := s.Max["s"].(string)
		switch {
		case bounded == strings.HasPrefix(texts[len(texts)-1], strings.Repeat("\U0010FFFF", 32)):
			t.Errorf("round %d: a bound of texts: %t", round, bounded)
		case s.NumRecords != int64(len(rows)), s.Nulls["b"] != float64(len(rows)), s.Nulls["s"] != 0.0:
			t.Errorf("round %d: counts %+v", round, s)
		case s.Min["f"] != nil || s.Max["f"] != nil:
			t.Errorf("round %d: a float has bounds", round)
		case s.Min["n"] != float64(-high) || s.Max["n"] != float64(-low):
			t.Errorf("round %d: numbers of %d to %d: %+v", round, -high, -low, s)
		case s.Min["s"].(string) > texts[0] || bounded && most < texts[len(texts)-1]:
			t.Errorf("round %d: texts %q: %+v", round, texts, s)
		case micros(t, s.Min["at"]) > low || micros(t, s.Max["at"]) < high || micros(t, s.Max["at"])-micros(t, s.Min["at"]) > high-low+1998:
			t.Errorf("round %d: times %d to %d: %+v", round, low, high, s)
		}
	}
}

// fileStats is what the log says of a file.
type fileStats struct {
	NumRecords int64          `json:"numRecords"`
	Min        map[string]any `json:"minValues"`
	Max        map[string]any `json:"maxValues"`
	Nulls      map[string]any `json:"nullCount"`
}

func statsOf(t *testing.T, objects *memory) (s fileStats) {
	t.Helper()
	entry, err := objects.get(lake.EntryName(1))
	if err != nil {
		t.Fatal(err)
	}
	var a struct{ Add struct{ Stats string } }
	lines := strings.Split(strings.TrimSpace(string(entry.bytes)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(a.Add.Stats), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func micros(t *testing.T, v any) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(v))
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}
