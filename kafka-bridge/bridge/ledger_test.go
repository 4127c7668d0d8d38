package bridge

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// Whatever is entered, passed in whatever order, given up or revoked: a mark names only a current assignment, covers
// only records that were passed without a gap before them, and never moves back.
func TestLedgerLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger()
		const topic = "t"
		type open struct {
			p     *partition
			first int64
			batch []*kgo.Record
		}
		var (
			flying []open
			next   = map[int32]int64{}               // next offset to read
			passed = map[*partition]map[int64]bool{} // by offset
			start  = map[*partition]int64{}          // first offset of the assignment
			marked = map[*partition]int64{}
		)
		mark := func(h heads) {
			for id, head := range h[topic] {
				p, ok := l.partitions[partitionKey{topic, id}]
				if !ok {
					t.Fatalf("partition %d is marked and not assigned", id)
				}
				if head.Offset <= marked[p] {
					t.Fatalf("partition %d is marked at %d after %d", id, head.Offset, marked[p])
				}
				marked[p] = head.Offset
				for o := start[p]; o < head.Offset; o++ {
					if !passed[p][o] {
						t.Fatalf("partition %d is marked at %d, but %d is not passed", id, head.Offset, o)
					}
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := int32(rapid.IntRange(0, 2).Draw(t, "partition"))
			switch rapid.IntRange(0, 3).Draw(t, "action") {
			case 0, 1:
				batch := make([]*kgo.Record, rapid.IntRange(1, 4).Draw(t, "records"))
				for i := range batch {
					batch[i] = &kgo.Record{Topic: topic, Partition: id, Offset: next[id], Value: make([]byte, 3)}
					next[id]++
				}
				p, first := l.enter(partitionKey{topic, id}, batch, next[id])
				if _, ok := passed[p]; !ok {
					passed[p], start[p] = map[int64]bool{}, batch[0].Offset
				}
				flying = append(flying, open{p, first, batch})
			case 2:
				if len(flying) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "which")
				f := flying[i]
				n := rapid.IntRange(1, len(f.batch)).Draw(t, "passed")
				s := advance{partition: f.p, first: f.first, records: n, head: kgo.EpochOffset{Offset: f.batch[n-1].Offset + 1}}
				for _, r := range f.batch[:n] {
					passed[f.p][r.Offset] = true
					s.bytes += weight(r)
				}
				if f.first += int64(n); n == len(f.batch) {
					flying = append(flying[:i], flying[i+1:]...)
				} else {
					flying[i] = open{f.p, f.first, f.batch[n:]}
				}
				l.advance([]advance{s}, mark)
			case 3:
				l.forget(map[string][]int32{topic: {id}})
				next[id] = max(0, next[id]-2) // the next owner starts at the last commit
			}
		}
		var records, bytes int64
		for _, f := range flying {
			for _, r := range f.batch {
				records, bytes = records+1, bytes+weight(r)
			}
		}
		if r, b := l.inFlight(); r != records || b != bytes {
			t.Fatalf("the ledger holds %d records of %d bytes, want %d of %d", r, b, records, bytes)
		}
	})
}

// Where reading begins, the lag begins: at the group's offset, or where nobody told it at the first record.
func TestLagBeginsWhereReadingDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		assigned []int64 // offsets, in order
		begins   int64   // of the first record that came; none when negative
		skipped  int64   // behind what cannot be read; not when zero
		want     []int64 // lag; none while the position is unknown
	}{
		"nobody told":           {nil, 40, 0, []int64{60}},
		"the group's offset":    {[]int64{30}, 40, 0, []int64{70}},
		"the start of the log":  {[]int64{-2}, -1, 0, []int64{100}},
		"never back":            {[]int64{30, 20}, -1, 0, []int64{70}},
		"behind the unreadable": {[]int64{30}, -1, 50, []int64{50}},
	} {
		l, key := newLedger(), partitionKey{"t", 0}
		for _, at := range c.assigned {
			l.assign(map[string]map[int32]kgo.Offset{"t": {0: kgo.NewOffset().At(at)}})
		}
		if c.begins >= 0 {
			l.enter(key, []*kgo.Record{{Offset: c.begins}}, 100)
			if s := l.states(time.Now()); s[0].lag != c.want[0] || l.idle(key) {
				t.Errorf("%s: once a record came, a lag of %d, idle: %v", name, s[0].lag, l.idle(key))
			}
		}
		if c.skipped > 0 {
			l.skipTo(key, kgo.EpochOffset{Offset: c.skipped})
		}
		l.observe(key, offsets{high: 100, stable: 100}, time.Now())
		var got []int64
		for _, s := range l.states(time.Now()) {
			got = append(got, s.lag)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: lag (-want +got):\n%s", name, diff)
		}
	}
	l := newLedger() // nobody told and nothing came
	l.observe(partitionKey{"t", 0}, offsets{high: 100, stable: 100}, time.Now())
	l.skipTo(partitionKey{"t", 0}, kgo.EpochOffset{Offset: 5})
	l.assigned(partitionKey{"t", 1})
	l.observe(partitionKey{"t", 1}, offsets{high: 100, stable: 100}, time.Now())
	if got := l.states(time.Now()); len(got) != 0 {
		t.Errorf("a lag of what is not known: %v", got)
	}
}

func TestAwaitRoomEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, record := newLedger(), &kgo.Record{Key: []byte("key"), Value: []byte("value")}
		p, first := l.enter(partitionKey{"t", 0}, []*kgo.Record{record}, 1)
		if _, held := l.inFlight(); held != 8+recordOverhead {
			t.Errorf("a record counts as %d bytes", held)
		}
		if !l.awaitRoom(t.Context(), 2, 1<<20) || l.awaitRoom(cancelled(t), 2, 1<<20) {
			t.Error("room for one more is not seen, or an ended context is not")
		}
		ends := []func(context.Context) bool{
			func(ctx context.Context) bool { return l.awaitRoom(ctx, 1, 1<<20) },
			func(ctx context.Context) bool { return l.awaitRoom(ctx, 2, 8+recordOverhead) },
			func(ctx context.Context) bool { return l.awaitIdle(ctx, map[string][]int32{"t": {0}}) },
		}
		done := make(chan bool, len(ends))
		for _, await := range ends {
			go func() { done <- await(t.Context()) }()
		}
		synctest.Wait()
		if len(done) > 0 || l.idle(p.key) {
			t.Error("there is room, or nothing in flight, too soon")
		}
		l.advance([]advance{{partition: p, first: first, records: 1, bytes: weight(record)}}, func(heads) {})
		for range ends {
			if !<-done {
				t.Error("advancing did not make room")
			}
		}
		if !l.idle(p.key) {
			t.Error("something is in flight when all is passed")
		}
	})
}

func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
