package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestExportTick(t *testing.T) {
	t.Parallel()
	sent := event.ExportTick{Tables: []string{"labels", "alerts"}}
	e, err := event.EncodeExportTick(&sent)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   event.Envelope
		want event.ExportTick
		kind pix.Kind
	}{
		"proto":             {in: e, want: sent},
		"the scheduler's":   {in: event.Envelope{Data: []byte(`{}`)}},
		"with tables":       {in: event.Envelope{Data: []byte(`{"tables":["labels"]}`)}, want: event.ExportTick{Tables: []string{"labels"}}},
		"of a past release": {in: event.Envelope{Data: []byte(`{"hour":"2026-01-01T00:00:00Z"}`)}},
		"no JSON":           {in: event.Envelope{Data: []byte(`hour`)}, kind: pix.Invalid},
		"another type":      {in: event.Envelope{Data: []byte(`{}`), Attributes: map[string]string{event.AttrSchema: event.SchemaLabel}}, kind: pix.UnknownSchema},
	} {
		got, err := event.DecodeExportTick(c.in)
		if c.kind != 0 {
			if pix.KindOf(err) != c.kind {
				t.Errorf("%s: %v, want kind %v", name, err, c.kind)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func FuzzDecodeExportTick(f *testing.F) {
	f.Add([]byte(`{"tables":["labels"]}`), event.EncodingJSON)
	f.Add([]byte{0x12, 1, 'x'}, event.EncodingProto)
	f.Fuzz(func(t *testing.T, data []byte, encoding string) {
		tick, err := event.DecodeExportTick(event.Envelope{Data: data, Attributes: map[string]string{event.AttrEncoding: encoding}})
		if err != nil {
			return
		}
		e, err := event.EncodeExportTick(&tick)
		if err != nil {
			t.Fatal(err)
		}
		again, err := event.DecodeExportTick(e)
		if diff := cmp.Diff(tick.Tables, again.Tables); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}
