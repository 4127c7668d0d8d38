package pix

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	for after, displaced := range map[time.Duration]bool{
		0: false, SameMoment: false, -SameMoment: false, SameMoment + time.Millisecond: true, -SameMoment - time.Millisecond: true, 48 * time.Hour: true,
	} {
		want := at
		if displaced {
			want = at.Add(after)
		}
		if got := (&Facts{EventTime: at, ReceivedAt: at.Add(after)}).Moment(); !got.Equal(want) {
			t.Errorf("came %v after: %v", after, got)
		}
	}
	if got := (&Facts{EventTime: at}).Moment(); !got.Equal(at) {
		t.Errorf("nothing is known of its arrival: %v", got)
	}
}
