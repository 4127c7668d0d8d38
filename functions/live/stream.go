package live

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
)

// patience is how long a reader may take for what is sent to it at one beat. A dead one frees its place then.
const patience = 5 * time.Second

// atFirst is how many decisions a new reader gets: what the page shows.
const atFirst = 40

// reader is one stream: its place in the feed's memory and what it has already got.
type reader struct {
	page  *page
	w     http.ResponseWriter
	flow  *http.ResponseController
	last  uint64 // number of the newest decision that it got
	frame uint64
	queue uint64
	told  bool // it got a queue
}

// stream serves server-sent events until the reader goes, is too slow, or the process stops:
//
//	reset      {"missed": n}: what was shown before is no longer continued; n decisions were not shown
//	decisions  a list of decisions, oldest first
//	state      the numbers, once a second
//	alerts     the queue, when it changed
//
// A reader that comes back with Last-Event-ID gets what it missed, as far as that is kept.
func (p *page) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		w.Header().Set("Retry-After", "5")
		problem.WriteStatus(w, http.StatusServiceUnavailable, "overloaded", "Every place of this page's readers is taken.")
		return
	}
	woken, leave := p.feed.join()
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	reading := &reader{page: p, w: w, flow: http.NewResponseController(w)}
	first := reading.resume(r.Header.Get("Last-Event-ID"))
	for {
		if err := reading.send(first); err != nil {
			return
		}
		first = nil
		select {
		case <-woken:
		case <-r.Context().Done():
			return
		case <-p.feed.stop:
			return
		}
	}
}

// resume finds a reader's place: where it was, or at the beginning of what is kept. It returns what to send first.
func (r *reader) resume(id string) []byte {
	epoch, number, _ := strings.Cut(id, "-")
	last, err := strconv.ParseUint(number, 10, 64)
	newest := r.page.feed.newest()
	if err == nil && epoch == r.page.epoch && last <= newest {
		r.last = last
		return []byte("retry: 1000\n\n")
	}
	r.last = newest - min(newest, atFirst)
	return fmt.Appendf(nil, "retry: 1000\nevent: reset\ndata: {\"missed\":0}\n\n")
}

// send writes what is new for the reader.
func (r *reader) send(first []byte) error {
	b := bytes.NewBuffer(first)
	shown, missed, newest := r.page.feed.since(r.last)
	if missed > 0 {
		fmt.Fprintf(b, "event: reset\ndata: {\"missed\":%d}\n\n", missed)
	}
	if len(shown) > 0 {
		r.last = newest
		fmt.Fprintf(b, "event: decisions\nid: %s-%d\ndata: [", r.page.epoch, newest)
		for i, e := range shown {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(e.body)
		}
		b.WriteString("]\n\n")
	}
	now := r.page.current()
	if now.number != r.frame {
		fmt.Fprintf(b, "event: state\ndata: %s\n\n", now.state)
		r.frame = now.number
	}
	if now.queue != r.queue || !r.told {
		fmt.Fprintf(b, "event: alerts\ndata: %s\n\n", now.alerts)
		r.queue, r.told = now.queue, true
	}
	if b.Len() == 0 {
		return nil
	}
	// By the machine's clock: it is the connection's.
	if err := r.flow.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	if _, err := r.w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := r.flow.Flush(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}
