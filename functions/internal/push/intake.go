package push

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	// DefaultIntakeBytes is the budget of a process that says nothing else: three eighths of 256 MiB.
	DefaultIntakeBytes = 96 << 20
	// MinIntakeBytes is the least budget that takes the largest body: see largeShare.
	MinIntakeBytes = (requestBytes + decodedFactor*(MaxBodyBytes+1)) * largeShare / (largeShare - 1)

	// requestBytes is what a request counts for beside its body: its header, its goroutine, the decision and the histories
	// that it is made of.
	requestBytes = 64 << 10
	// decodedFactor is what a byte of a body counts for: itself; the payload behind its base64, escaped or not; and what the
	// payload is decoded to or what is said of it.
	decodedFactor = 4
	// largeShare keeps one part of so many of the budget for small bodies: payments come in beside whatever else does.
	largeShare = 4
	smallBody  = 64 << 10
	firstRead  = 4 << 10
)

var errFull = errors.New("the requests under way hold all memory that there is for them")

// Intake is what the requests under way in one process may hold in memory together. Each takes from it before a buffer
// grows, and gives all back when it has been answered. What does not fit is refused with pix.Overloaded and must come
// back. It is safe for concurrent use.
//
// A small body takes for what has come in, so that whoever sends slowly holds little. One that turns out to be large takes
// for the rest at once: if all large ones grew side by side, each would keep the others from their end.
type Intake struct {
	limit int64
	held  atomic.Int64
}

// NewIntake returns a budget of so many bytes.
func NewIntake(limit int64) *Intake { return &Intake{limit: limit} }

// Held is what requests hold now, in bytes.
func (i *Intake) Held() int64 { return i.held.Load() }

// Read reads the body of a request, of at most limit bytes. The caller calls release once it has answered, whether there
// is an error or not. An error is TooLarge, Overloaded, or Cancelled when the body did not arrive: its sender has gone.
func (i *Intake) Read(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, release func(), err error) {
	h := &holding{intake: i}
	body, err = h.read(http.MaxBytesReader(w, r.Body, limit), r.ContentLength, limit)
	if err != nil {
		h.release()
	}
	return body, h.release, err
}

// holding is what one request took.
type holding struct {
	intake *Intake
	bytes  int64
}

func (h *holding) release() {
	h.intake.held.Add(-h.bytes)
	h.bytes = 0
}

// take takes what a body in a buffer of size bytes comes to, as far as it has not been taken.
func (h *holding) take(size int64) error {
	total, limit := requestBytes+decodedFactor*size, h.intake.limit
	if size > smallBody {
		limit -= limit / largeShare
	}
	more := total - h.bytes
	for {
		held := h.intake.held.Load()
		if held+more > limit {
			return pix.E(pix.Overloaded, "read body", errFull)
		}
		if h.intake.held.CompareAndSwap(held, held+more) {
			h.bytes = total
			return nil
		}
	}
}

// read reads a body into a buffer that doubles while it is small, and is one byte larger than there will be then: reading
// shows the end.
func (h *holding) read(body io.Reader, length, limit int64) ([]byte, error) {
	if length > limit {
		return nil, pix.E(pix.TooLarge, "read body", &pix.Problems{List: []pix.Problem{{Reason: fmt.Sprintf("at most %d bytes", limit)}}})
	}
	most := limit + 1
	if length >= 0 {
		most = length + 1
	}
	var data []byte
	for {
		if len(data) == cap(data) {
			size := min(max(2*int64(cap(data)), firstRead), most)
			if size > smallBody {
				size = most
			}
			if err := h.take(size); err != nil {
				return nil, err
			}
			data = append(make([]byte, 0, size), data...)
		}
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		var tooLarge *http.MaxBytesError
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case errors.As(err, &tooLarge):
			return nil, pix.E(pix.TooLarge, "read body", &pix.Problems{List: []pix.Problem{{Reason: fmt.Sprintf("at most %d bytes", limit)}}})
		case err != nil:
			return nil, pix.E(pix.Cancelled, "read body", errors.New("the request ended early"))
		}
	}
}
