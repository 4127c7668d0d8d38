package obs_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

// calls keeps what it is given, call by call.
type calls struct {
	mu   sync.Mutex
	list []string
	err  error
}

func (w *calls) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, string(p))
	return len(p), w.err
}

func (w *calls) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.list
	w.list = nil
	return list
}

func write(t *testing.T, l io.Writer, line string) {
	t.Helper()
	if n, err := io.WriteString(l, line); err != nil || n != len(line) {
		t.Errorf("%d, %v", n, err)
	}
}

// TestLinesAreGathered: lines wait for others, no longer than they may, and are written in their order.
func TestLinesAreGathered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to calls
		l := obs.NewLines(&to)
		time.Sleep(time.Second) // an idle process writes nothing
		for range 3 {
			write(t, l, "a\n")
			time.Sleep(obs.LinesEvery / 2)
			write(t, l, "b\n")
			time.Sleep(obs.LinesEvery/2 - time.Millisecond)
			if calls := to.take(); calls != nil {
				t.Errorf("written before its time: %q", calls)
			}
			time.Sleep(2 * time.Millisecond)
			if diff := cmp.Diff([]string{"a\nb\n"}, to.take()); diff != "" {
				t.Error(diff)
			}
		}
		if err := l.Close(); err != nil || to.take() != nil {
			t.Error(err)
		}
	})
}

// TestClosedLinesLoseNothing: a stop writes what waits, and what comes after it is written as it comes.
func TestClosedLinesLoseNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to calls
		l := obs.NewLines(&to)
		write(t, l, "a\n")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"a\n"}, to.take()); diff != "" {
			t.Error(diff)
		}
		write(t, l, "b\n")
		if diff := cmp.Diff([]string{"b\n"}, to.take()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Second)
		if err := l.Close(); err != nil || to.take() != nil {
			t.Errorf("%v, or written twice", err)
		}
	})
}

// TestWarningsDoNotWait: a warning and what waited before it are written at once, on either way of the handler.
func TestWarningsDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to calls
		l := obs.NewLines(&to)
		logger := obs.Logger(l, slog.LevelInfo, obs.Service{Name: "score"}).With("k", "v")
		for _, log := range []func(string, ...any){logger.Warn, logger.Error} {
			for _, message := range []string{"plain", "not \"plain\""} {
				logger.Info("before")
				if calls := to.take(); calls != nil {
					t.Errorf("%q does not wait", calls)
				}
				log(message)
				calls := to.take()
				if len(calls) != 1 || strings.Count(calls[0], "\n") != 2 || strings.Index(calls[0], "before") > strings.Index(calls[0], "plain") {
					t.Errorf("%s: %q", message, calls)
				}
			}
		}
		_ = l.Close()
	})
}

// TestFullLinesAreWrittenThrough: no line is lost, out of its order or twice, and what waits does not grow, whatever the
// lines' sizes.
func TestFullLinesAreWrittenThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to calls
		l := obs.NewLines(&to)
		var want strings.Builder
		for i := range 500 {
			line := strings.Repeat(string(rune('a'+i%26)), i*7%1500) + "\n"
			if i == 250 {
				line = strings.Repeat("z", 100<<10) + "\n"
			}
			want.WriteString(line)
			write(t, l, line)
		}
		for _, call := range to.list {
			if len(call) > 32<<10 && len(call) != 100<<10+1 {
				t.Errorf("%d bytes waited", len(call))
			}
		}
		if len(to.list) > 60 {
			t.Errorf("%d calls for 500 lines", len(to.list))
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if got := strings.Join(to.take(), ""); got != want.String() {
			t.Error("other lines, or in another order")
		}
	})
}

// stuck is a writer that takes its time.
type stuck struct {
	calls
	entered chan struct{}
	free    chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	s.entered <- struct{}{}
	<-s.free
	return s.calls.Write(p)
}

// TestASlowWriterHoldsUpNobodyWhileThereIsRoom: only who finds no room waits, and goes on with the writer.
func TestASlowWriterHoldsUpNobodyWhileThereIsRoom(t *testing.T) {
	t.Parallel()
	to := &stuck{entered: make(chan struct{}, 4), free: make(chan struct{})}
	l := obs.NewLines(to)
	line := strings.Repeat("x", 1023) + "\n"
	write(t, l, line)
	var work sync.WaitGroup
	work.Go(func() { _ = l.Flush() })
	<-to.entered
	held := make(chan struct{})
	go func() {
		for range 32 {
			write(t, l, line)
		}
		close(held)
	}()
	select {
	case <-held:
	case <-time.After(time.Minute):
		t.Fatal("lines wait for a writer although there is room")
	}
	work.Go(func() { write(t, l, line) }) // for this one there is none
	close(to.free)
	work.Wait()
	if err := l.Close(); err != nil || len(strings.Join(to.take(), "")) != 34<<10 {
		t.Errorf("%v, or not every line", err)
	}
}

// TestAWritersErrorIsTold: to whoever writes, and it keeps nothing: a full disk must not fill memory.
func TestAWritersErrorIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := calls{err: errors.New("full")}
		l := obs.NewLines(&to)
		write(t, l, "a\n")
		if err := l.Flush(); !errors.Is(err, to.err) {
			t.Error(err)
		}
		if _, err := l.Write(bytes.Repeat([]byte("x"), 64<<10)); !errors.Is(err, to.err) {
			t.Error(err)
		}
		to.err = nil
		to.take()
		if err := l.Close(); err != nil || to.take() != nil {
			t.Errorf("%v, or something was kept", err)
		}
	})
}

// TestALostLineIsToldWhereTheNextIsWritten: lines that waited and were not taken are not forgotten for one that was.
func TestALostLineIsToldWhereTheNextIsWritten(t *testing.T) {
	t.Parallel()
	to := &failsOnce{err: errors.New("full")}
	l := obs.NewLines(to)
	write(t, l, "a\n")
	if _, err := l.Write(bytes.Repeat([]byte("x"), 64<<10)); !errors.Is(err, to.err) || to.calls != 2 {
		t.Errorf("%v after %d writes", err, to.calls)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// failsOnce takes nothing the first time.
type failsOnce struct {
	err   error
	calls int
}

func (f *failsOnce) Write(b []byte) (int, error) {
	if f.calls++; f.calls == 1 {
		return 0, f.err
	}
	return len(b), nil
}

// BenchmarkLines is what a line costs to write into a pipe, with its reader: one by one, and gathered.
func BenchmarkLines(b *testing.B) {
	line := []byte(strings.Repeat("x", 499) + "\n")
	for _, gathered := range []bool{false, true} {
		b.Run("gathered="+strconv.FormatBool(gathered), func(b *testing.B) {
			out, in, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			var reader sync.WaitGroup
			reader.Go(func() { _, _ = io.Copy(io.Discard, out) })
			to := io.Writer(in)
			lines := obs.NewLines(in)
			if gathered {
				to = lines
			}
			for b.Loop() {
				if _, err := to.Write(line); err != nil {
					b.Fatal(err)
				}
			}
			_, _ = lines.Close(), in.Close()
			reader.Wait()
		})
	}
}
