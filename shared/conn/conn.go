package conn

import (
	"net"
	"sync"
	"time"
)

// looks is how many times in a row a connection must be found silent, a quarter of the limit apart. After a pause of the
// whole machine the first look comes before what has arrived meanwhile is read; the others do not.
const looks = 5

// conn is one connection and what it owes.
type conn struct {
	net.Conn
	watch *Watch
	local address

	mu     sync.Mutex
	owed   int       // answers that calls wait for
	unpaid bool      // a call ran into its deadline, and no byte has come since it was sent
	heard  time.Time // when the last byte came; at first, when it was dialled
	since  time.Time // since when it owes an answer and is silent
	silent int       // looks that found it so
	armed  bool
	closed bool
	timer  *time.Timer
}

// address leads from what gRPC says of a call back to its connection.
type address struct {
	net.Addr
	conn *conn
}

func newConn(w *Watch, raw net.Conn) *conn {
	c := &conn{Conn: raw, watch: w, heard: time.Now()}
	c.local = address{raw.LocalAddr(), c}
	c.timer = time.AfterFunc(w.limit/(looks-1), c.look)
	c.timer.Stop()
	return c
}

// LocalAddr is how calls find their connection.
func (c *conn) LocalAddr() net.Addr { return c.local }

// Read notes that the far end lives.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.watch.missing.Store(0)
		c.mu.Lock()
		c.heard = time.Now()
		c.since, c.silent, c.unpaid = c.heard, 0, false
		c.mu.Unlock()
	}
	return n, err //nolint:wrapcheck // gRPC and TLS compare io.EOF
}

// Close stops the watching too.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.timer.Stop()
	c.mu.Unlock()
	c.watch.forget(c)
	return c.Conn.Close() //nolint:wrapcheck // it stands in for the connection
}

// owe notes that an answer is due.
func (c *conn) owe(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owed++; c.owed == 1 && !c.unpaid {
		c.since, c.silent = now, 0
	}
	if !c.armed && !c.closed {
		c.armed = true
		c.timer.Reset(c.watch.limit / (looks - 1))
	}
}

// answered takes n answers from what is due. A deadline that was missed without a byte since the message was sent leaves
// the connection in doubt.
func (c *conn) answered(n int, missed bool, sent time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed -= n
	c.unpaid = c.unpaid || missed && !c.heard.After(sent)
}

// idleSince tells whether the connection owes nothing that is still waited for and has been silent since then.
func (c *conn) idleSince(then time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owed == 0 && !c.heard.After(then)
}

// look runs while an answer is due.
func (c *conn) look() {
	c.mu.Lock()
	if c.closed || c.owed == 0 && !c.unpaid {
		c.armed = false
		c.mu.Unlock()
		return
	}
	c.silent++
	dead, since := c.silent >= looks, c.since
	if !dead {
		c.timer.Reset(c.watch.limit / (looks - 1))
	}
	c.mu.Unlock()
	if dead {
		c.watch.replace(c, since)
	}
}
