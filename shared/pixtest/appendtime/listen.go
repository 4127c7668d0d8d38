package appendtime

import (
	"encoding/binary"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Listen wraps what kfake.ListenFn takes, beside Stamp. kfake writes its own time into a stamped batch and leaves the checksum
// as it was: where a millisecond has passed since the stamp, readers would take the batch for damaged. So what is fetched gets
// its checksum on its way out.
func Listen(listen func(network, address string) (net.Listener, error)) func(network, address string) (net.Listener, error) {
	return func(network, address string) (net.Listener, error) {
		l, err := listen(network, address)
		if err != nil {
			return nil, err
		}
		return listener{l}, nil
	}
}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // it stands for the listener inside
	}
	return &conn{Conn: c, fetches: map[uint32]int16{}}, nil
}

// conn knows of each fetch that is under way in which version it was asked.
type conn struct {
	net.Conn
	asked, answered frames

	mu      sync.Mutex
	fetches map[uint32]int16 // by correlation id
}

// Read passes requests on and remembers the fetches among them.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for frame := range c.asked.add(p[:n]) {
		if len(frame) >= 12 && int16(binary.BigEndian.Uint16(frame[4:])) == int16(kmsg.Fetch) { //nolint:gosec // a key of the protocol
			c.mu.Lock()
			c.fetches[binary.BigEndian.Uint32(frame[8:])] = int16(binary.BigEndian.Uint16(frame[6:])) //nolint:gosec // its version
			c.mu.Unlock()
		}
	}
	return n, err //nolint:wrapcheck // it stands for the connection inside
}

// Write sends whole answers, those to a fetch with right checksums.
func (c *conn) Write(p []byte) (int, error) {
	for frame := range c.answered.add(p) {
		c.mend(frame)
		if _, err := c.Conn.Write(frame); err != nil {
			return 0, err //nolint:wrapcheck // it stands for the connection inside
		}
	}
	return len(p), nil
}

func (c *conn) mend(frame []byte) {
	if len(frame) < 8 {
		return
	}
	id := binary.BigEndian.Uint32(frame[4:])
	c.mu.Lock()
	version, ok := c.fetches[id]
	delete(c.fetches, id)
	c.mu.Unlock()
	if !ok {
		return
	}
	answer := kmsg.FetchResponse{Version: version}
	body := frame[8:]
	if answer.IsFlexible() && len(body) > 0 {
		body = body[1:] // the header's tags, of which there are none
	}
	if answer.ReadFrom(body) != nil { // its batches are parts of the frame
		return
	}
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			for batch := range batches(p.RecordBatches) {
				seal(batch)
			}
		}
	}
}

// frames cuts a stream into the protocol's messages, each with its length in front.
type frames struct{ rest []byte }

func (f *frames) add(p []byte) func(yield func([]byte) bool) {
	f.rest = append(f.rest, p...)
	return func(yield func([]byte) bool) {
		for len(f.rest) >= 4 {
			size := 4 + int(binary.BigEndian.Uint32(f.rest))
			if len(f.rest) < size {
				return
			}
			frame := f.rest[:size]
			f.rest = f.rest[size:]
			if !yield(frame) {
				return
			}
		}
	}
}

// batches cuts what a partition sent; a last one that is not whole is left out.
func batches(records []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(records) > attributes {
			size := 12 + int(binary.BigEndian.Uint32(records[8:]))
			if size <= attributes || size > len(records) || !yield(records[:size]) {
				return
			}
			records = records[size:]
		}
	}
}
