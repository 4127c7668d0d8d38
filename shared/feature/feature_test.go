package feature

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

var update = flag.Bool("update", false, "rewrite testdata")

func TestRegistry(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	units := []string{
		UnitBRL, UnitCount, UnitRatio, UnitShare, UnitScore, UnitFlag, UnitCode, UnitMinutes, UnitSeconds, UnitHours, UnitDays, UnitKM,
	}
	entities := []string{"payer", "payee", "pair", "device", "payment"}
	seen := map[string]bool{}
	for _, d := range Definitions() {
		if !form.MatchString(d.Name) || seen[d.Name] {
			t.Errorf("name %q is malformed or taken", d.Name)
		}
		seen[d.Name] = true
		if !slices.Contains(units, d.Unit) || !slices.Contains(entities, d.Entity) {
			t.Errorf("%s: unit %q, entity %q", d.Name, d.Unit, d.Entity)
		}
		if d.Family == "" || d.Source == "" || !strings.HasSuffix(d.Doc, ".") || d.ReasonPT == "" || d.ReasonEN == "" {
			t.Errorf("%s is not described: %+v", d.Name, d)
		}
		if d.Window != "" && !strings.Contains(d.Name, "_"+d.Window) && d.Window != w30d.String() {
			t.Errorf("%s does not name its window %s", d.Name, d.Window)
		}
	}
	if len(seen) < 80 || Width() != len(seen) || len(Names()) != len(seen) || newSet(t).Width() != len(seen) {
		t.Errorf("%d features, Width %d", len(seen), Width())
	}
}

// The version must change with the list: a stored vector is read by it.
func TestSetVersionIsPinned(t *testing.T) {
	t.Parallel()
	golden(t, "set_version.txt", []byte(SetVersion()+"\n"+strings.Join(Names(), "\n")+"\n"))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s; if the change is meant, run with -update (-want +got):\n%s", file, d)
	}
}

func TestGoldenVector(t *testing.T) {
	t.Parallel()
	tx := full()
	values := map[string]any{}
	v := newSet(t).Vector(nil, &tx, someHistory())
	for i, name := range Names() {
		values[name] = v[i]
		if math.IsNaN(v[i]) {
			values[name] = "missing"
		}
	}
	out, err := json.MarshalIndent(values, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "vector.json", append(out, '\n'))
}

func TestLocalTime(t *testing.T) {
	t.Parallel()
	s, names := newSet(t), Names()
	for _, c := range []struct {
		utc                                 string
		hour, night, weekday, weekend, date float64
	}{
		{"2026-01-16T22:59:59.999Z", 19, 0, 5, 0, 16},
		{"2026-01-16T23:00:00Z", 20, 1, 5, 0, 16},
		{"2026-01-17T02:59:59.999Z", 23, 1, 5, 0, 16},
		{"2026-01-17T03:00:00Z", 0, 1, 6, 1, 17},
		{"2026-01-17T08:59:59.999Z", 5, 1, 6, 1, 17},
		{"2026-01-17T09:00:00Z", 6, 0, 6, 1, 17},
		{"2018-12-01T01:30:00Z", 23, 1, 5, 0, 30}, // daylight saving time, as it was until 2019
	} {
		tx := payment()
		var err error
		if tx.EventTime, err = time.Parse(time.RFC3339, c.utc); err != nil {
			t.Fatal(err)
		}
		v := s.Vector(nil, &tx, nil)
		var got []float64
		for _, name := range []string{"hour", "night", "weekday", "weekend", "day_of_month"} {
			got = append(got, v[slices.Index(names, name)])
		}
		if d := cmp.Diff([]float64{c.hour, c.night, c.weekday, c.weekend, c.date}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.utc, d)
		}
	}
}

func TestClockSkewIsZeroNotNegative(t *testing.T) {
	t.Parallel()
	tx := full()
	tx.Device.FirstSeenAt = pix.Some(base().Add(5 * time.Minute))
	tx.DICT.Watermark = pix.Some(time.Unix(0, 0))
	v, names := newSet(t).Vector(nil, &tx, nil), Names()
	if got := v[slices.Index(names, "device_age_hours")]; got != 0 {
		t.Errorf("device_age_hours = %v, want 0", got)
	}
	if got := v[slices.Index(names, "dict_watermark_age_hours")]; !math.IsNaN(got) {
		t.Errorf("dict_watermark_age_hours of the epoch = %v, want missing", got)
	}
}

func TestWritesAndRows(t *testing.T) {
	t.Parallel()
	tx := payment()
	tx.Payer.Account.Previous = token(pix.AccountToken, 0, 1)
	rows := Rows(&tx)
	if want := (Row{"acct#" + string(tx.Payer.Account.Current), "acct#" + string(tx.Payer.Account.Previous)}); rows.Payer != want {
		t.Errorf("payer's rows = %v, want %v", rows.Payer, want)
	}
	var got []string
	for _, w := range Writes(&tx) {
		got = append(got, w.Family)
		if strings.Contains(w.Row, string(tx.Payer.Account.Previous)) {
			t.Errorf("%s is written under the previous token", w.Family)
		}
		if w.Event.ID != tx.ID || w.Event.At != tx.EventTime.UnixMilli() || w.Event.Amount != tx.Amount {
			t.Errorf("%s: event %+v", w.Family, w.Event)
		}
	}
	if d := cmp.Diff([]string{FamilyOut, FamilyIn, FamilyUse, FamilyOut}, got); d != "" {
		t.Errorf("families (-want +got):\n%s", d)
	}
	tx.DeviceToken, tx.Payee.Account = pix.TokenPair{}, pix.TokenPair{}
	if got := len(Writes(&tx)); got != 1 {
		t.Errorf("%d writes with the payer alone, want 1", got)
	}
}

func TestRef(t *testing.T) {
	t.Parallel()
	a, b := pair(pix.AccountToken, 1), pair(pix.AccountToken, 2)
	rotated := pix.TokenPair{Current: token(pix.AccountToken, 2, 1), Previous: a.Current}
	for _, c := range []struct {
		x, y pix.TokenPair
		want bool
	}{
		{a, a, true}, {a, b, false}, {a, rotated, true}, {rotated, a, true}, {rotated, rotated, true},
		{rotated, b, false}, {pix.TokenPair{}, pix.TokenPair{}, false}, {pix.TokenPair{}, a, false},
	} {
		if got := NewRef(c.x).Same(NewRef(c.y)); got != c.want {
			t.Errorf("%v same as %v: %v", c.x, c.y, got)
		}
	}
	if !NewRef(pix.TokenPair{}).IsZero() || NewRef(a).IsZero() {
		t.Error("only the empty pair is zero")
	}
}

func FuzzDecodeEvent(f *testing.F) {
	e := event(1, time.Hour, 2, 150_00)
	f.Add(e.AppendValue(nil))
	e.Counterparty.Previous, e.Device = 7, Ref{}
	f.Add(e.AppendValue(nil))
	f.Add([]byte{eventVersion, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{2, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := DecodeEvent("id", 5, value)
		if err != nil {
			return
		}
		if e.Amount < 0 || e.Amount > pix.MaxAmount {
			t.Fatalf("amount %d", int64(e.Amount))
		}
		again, err := DecodeEvent("id", 5, e.AppendValue(nil))
		if err != nil || again != e {
			t.Fatalf("%+v became %+v, %v", e, again, err)
		}
	})
}

func TestDecodeEventRefuses(t *testing.T) {
	t.Parallel()
	e := event(1, time.Hour, 2, 150_00)
	good := e.AppendValue(nil)
	if got, err := DecodeEvent(e.ID, e.At, append(slices.Clone(good), 1, 2, 3)); err != nil || got != e {
		t.Errorf("fields of a later release must be ignored: %+v, %v", got, err)
	}
	for cut := range good {
		if _, err := DecodeEvent(e.ID, e.At, good[:cut]); err == nil {
			t.Errorf("cut to %d bytes it was accepted", cut)
		}
	}
	other := slices.Clone(good)
	other[0]++
	if _, err := DecodeEvent(e.ID, e.At, other); err == nil {
		t.Error("another version was accepted")
	}
}
