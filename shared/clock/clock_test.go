package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/clock"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		slow  time.Duration                 // our clock behind the true time
		run   func(*clock.Watch, time.Time) // is given the true time of its call
		waits time.Duration
		want  time.Duration
	}{
		"nothing seen":                  {slow: time.Hour, run: func(*clock.Watch, time.Time) {}, want: 0},
		"right":                         {run: func(w *clock.Watch, now time.Time) { w.Saw(now) }},
		"within the tolerance":          {slow: 2 * time.Minute, run: func(w *clock.Watch, now time.Time) { w.Saw(now) }},
		"slow":                          {slow: 6 * time.Minute, run: func(w *clock.Watch, now time.Time) { w.Saw(now) }, want: 6 * time.Minute},
		"slow, and it stays so":         {slow: 6 * time.Minute, run: func(w *clock.Watch, now time.Time) { w.Saw(now) }, waits: 5 * time.Minute, want: 6 * time.Minute},
		"an old stamp shows nothing":    {slow: 6 * time.Minute, run: func(w *clock.Watch, now time.Time) { w.Saw(now.Add(-time.Hour)) }},
		"an old stamp hides nothing":    {slow: 6 * time.Minute, run: func(w *clock.Watch, now time.Time) { w.Saw(now); w.Saw(now.Add(-time.Hour)) }, want: 6 * time.Minute},
		"a stamp that never comes back": {slow: 6 * time.Minute, run: func(w *clock.Watch, now time.Time) { w.Saw(now) }, waits: 11 * time.Minute},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := clock.NewWatch(0, func() time.Time { return time.Now().Add(-c.slow) })
				c.run(w, time.Now())
				time.Sleep(c.waits)
				if got := w.Behind(); got != c.want {
					t.Errorf("behind %s, want %s", got, c.want)
				}
				if err := w.Err(); (err != nil) != (c.want > 0) || err != nil && pix.KindOf(err) != pix.Unavailable {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// A clock that is set right heals the watch without another message: while payments wait there may be none.
func TestWatchHeals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := 6 * time.Minute
		w := clock.NewWatch(0, func() time.Time { return time.Now().Add(-slow) })
		w.Saw(time.Now())
		if w.Err() == nil {
			t.Fatal("a slow clock was not seen")
		}
		time.Sleep(time.Second)
		slow = 0
		if err := w.Err(); err != nil {
			t.Errorf("still %v", err)
		}
	})
}

// A slow clock is complained of once a minute, however many ask.
func TestAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rang := 0
		w := clock.NewWatch(0, func() time.Time { return time.Now().Add(-6 * time.Minute) })
		w.Alarm(func(behind time.Duration) {
			if rang++; behind != 6*time.Minute {
				t.Errorf("behind %s", behind)
			}
		})
		if w.Err(); rang != 0 {
			t.Error("an alarm without a cause")
		}
		w.Saw(time.Now())
		for range 1800 { // three minutes
			if w.Err() == nil {
				t.Fatal("a slow clock was not seen")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if rang != 3 {
			t.Errorf("%d alarms in three minutes, want 3", rang)
		}
	})
}
