package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sentinela-pix/sentinela/shared/event"
)

var errTooLarge = errors.New("an object is larger than a message may be")

// objects cuts a stream into JSON values, whatever the line breaks. Memory is bounded by the largest message.
type objects struct {
	in  *budget
	dec *json.Decoder
}

func newObjects(r io.Reader) *objects {
	in := &budget{r: r}
	return &objects{in: in, dec: json.NewDecoder(in)}
}

// next returns the next value, io.EOF after the last.
func (o *objects) next() ([]byte, error) {
	o.in.left = event.MaxDataBytes + 1<<16 // the decoder reads ahead
	var value json.RawMessage
	err := o.dec.Decode(&value)
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case err == nil && len(value) <= event.MaxDataBytes:
		return value, nil
	case err == nil, errors.Is(err, errTooLarge):
		return nil, errTooLarge
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("not JSON at byte %d", syntax.Offset) // the error's own text quotes the input
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the last object is cut short")
	default:
		return nil, fmt.Errorf("read: %w", err)
	}
}

// budget fails a read when one value has used up what it may.
type budget struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err //nolint:wrapcheck // io.EOF must stay itself for the decoder
}
