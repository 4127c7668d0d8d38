package live

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of a feed.
const (
	handedOver = 2048                   // decisions that wait to be looked at
	kept       = 128                    // decisions for readers that come or come back
	beat       = 250 * time.Millisecond // readers get what is new this often
	// So many decisions are shown: nobody reads more. All are counted, and the alerts are in the queue.
	approvalEvery = 4 // beats
	othersShown   = 4 // within one beat
)

// Model is one model that scores.
type Model struct {
	Role       pix.Role
	Version    string
	Challenger bool // it scores in shadow and decides nothing
}

// Serving is what decides at the moment.
type Serving struct {
	Models     []Model
	Policy     string
	Thresholds map[string]float64 // of the policy, by name
}

// Seen is a decision that was given. Whoever hands it over no longer changes the decision.
type Seen struct {
	Decision *pix.Decision
	Repeated bool          // it stood already
	Took     time.Duration // to be given
}

// note is one hand-over: a decision, or what decisions had to do without.
type note struct {
	Seen
	at      time.Time
	without engine.Part
}

// Feed is a bounded memory of what a process decides. Close it to end its goroutine.
type Feed struct {
	serving func() Serving
	clock   func() time.Time
	notes   chan note
	lost    atomic.Int64 // hand-overs that came to nothing since the last beat

	mu      sync.Mutex
	window  *window
	alerts  alerts
	ring    [kept]entry
	next    uint64 // number of the next decision that is shown; the first is 1
	beats   int
	room    struct{ approvals, others int } // until the next beat
	readers map[chan struct{}]bool
	replays bool // they count as live payments do

	stop    chan struct{}
	stopped sync.WaitGroup
	once    sync.Once
}

// NewFeed starts a feed. It asks serving for what decides now and then; clock is nil for the machine's own.
func NewFeed(serving func() Serving, clock func() time.Time) *Feed {
	if clock == nil {
		clock = time.Now
	}
	f := &Feed{
		serving: serving, clock: clock, notes: make(chan note, handedOver), window: newWindow(clock()), next: 1,
		readers: map[chan struct{}]bool{}, stop: make(chan struct{}),
	}
	f.room.approvals, f.room.others = 1, othersShown
	f.stopped.Go(f.run)
	return f
}

// Decided hands a decision over. It never waits: where there is no place the decision is counted as not shown.
func (f *Feed) Decided(s Seen) { f.hand(note{Seen: s, at: f.clock()}) }

// Without hands over that a decision had to do without a part.
func (f *Feed) Without(part engine.Part) { f.hand(note{at: f.clock(), without: part}) }

func (f *Feed) hand(n note) {
	select {
	case f.notes <- n:
	default:
		f.lost.Add(1)
	}
}

// Close ends the feed and every stream of it.
func (f *Feed) Close() {
	f.once.Do(func() { close(f.stop) })
	f.stopped.Wait()
}

func (f *Feed) run() {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case n := <-f.notes:
			f.take(n)
		case <-ticker.C:
			f.wake()
		case <-f.stop:
			return
		}
	}
}

// take looks at one hand-over. What fails here ends no process that decides.
func (f *Feed) take(n note) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() {
		if recover() != nil {
			f.lost.Add(1)
		}
	}()
	if n.Decision == nil {
		f.window.without(n.at, n.without)
		return
	}
	counts := f.replays || !n.Decision.Replayed()
	f.window.decided(n.at, n.Seen, counts)
	if n.Repeated {
		return
	}
	d := n.Decision
	other := d.Outcome != pix.Approve
	room := &f.room.approvals
	if other {
		room = &f.room.others
	}
	// A provisional answer raises no alert: what becomes of its payment is still to be decided.
	alarming := counts && other && !d.Provisional && f.alerts.wants(d)
	if *room == 0 && !alarming {
		return
	}
	e := newEntry(n, f.serving())
	if alarming {
		f.alerts.add(e)
	}
	if *room > 0 {
		*room--
		f.show(e)
	}
}

func (f *Feed) show(e entry) {
	f.ring[f.next%kept] = e
	f.next++
}

// wake begins a beat: what was lost is counted, there is room again, and readers look. Alerts go when they are over whether or
// not anybody looks, or they would keep out those that come.
func (f *Feed) wake() {
	now := f.clock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.window.second(now).lost += int(f.lost.Swap(0))
	f.alerts.expire(now)
	f.room.others = othersShown
	if f.beats++; f.beats%approvalEvery == 0 {
		f.room.approvals = 1
	}
	for r := range f.readers {
		select {
		case r <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

// join makes a reader, who is woken at each beat until it leaves.
func (f *Feed) join() (woken <-chan struct{}, leave func()) {
	r := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers[r] = true
	return r, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.readers, r)
	}
}

// newest is the number of the newest decision that was shown.
func (f *Feed) newest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next - 1
}

// since returns what was shown after the decision number last, oldest first, how many of those are no longer kept, and the
// number of the newest.
func (f *Feed) since(last uint64) (shown []entry, missed, newest uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	newest = f.next - 1
	if oldest := f.next - min(f.next-1, kept); last+1 < oldest {
		missed, last = oldest-last-1, oldest-1
	}
	for n := last + 1; n <= newest; n++ {
		shown = append(shown, f.ring[n%kept])
	}
	return shown, missed, newest
}
