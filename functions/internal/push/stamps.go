package push

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/clock"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	// witnesses is how many different messages must have been published in our future before the whole process takes its
	// clock for wrong: whoever can reach the endpoint can state any publish time, and one request must not stop all.
	witnesses = 3
	// witnessFor is how long such a message counts, as long as clock.Watch remembers a stamp.
	witnessFor = 10 * time.Minute
)

// errClock is in the chain of every refusal for the clock's sake.
var errClock = errors.New("our clock is in doubt")

// stamps compares the publish times of messages with our clock.
type stamps struct {
	watch *clock.Watch
	now   func() time.Time

	mu    sync.Mutex
	ahead []witness // the latest messages from our future, at most witnesses
}

type witness struct {
	id string
	at time.Time // when we saw it, with the monotonic clock
}

// check returns an Unavailable error while a message must wait for a better clock: because it was itself published in
// our future, or because enough others were.
func (s *stamps) check(m *Message) error {
	var err error
	if !m.Published.IsZero() {
		if ahead := m.Published.Sub(s.now()); ahead > clock.DefaultTolerance && !s.agreed(m.ID) {
			err = fmt.Errorf("the message was published %s in our future", ahead.Round(time.Second))
		} else {
			s.watch.Saw(m.Published)
		}
	}
	if behind := s.watch.Err(); behind != nil {
		err = behind
	}
	if err == nil {
		return nil
	}
	return pix.E(pix.Unavailable, "judge time", fmt.Errorf("%w: %w", errClock, err))
}

// agreed notes a message from our future and reports whether enough different ones were seen.
func (s *stamps) agreed(id string) bool {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = slices.DeleteFunc(s.ahead, func(w witness) bool { return w.id == id || now.Sub(w.at) > witnessFor })
	s.ahead = append(s.ahead, witness{id, now})
	s.ahead = s.ahead[max(0, len(s.ahead)-witnesses):]
	return len(s.ahead) == witnesses
}
