package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// Lines gives the lines of a file that are not empty, each with its number in the file, so that whatever order they come in
// a complaint names the line that a person finds.
type Lines interface {
	// Next returns the next line, io.EOF after the last. A line longer than a message may be is nil.
	Next() (line []byte, number int, err error)
}

const readBuffer = 1 << 20

// NewLines returns the lines of r in their order.
func NewLines(r io.Reader) Lines { return &lines{in: bufio.NewReaderSize(r, readBuffer)} }

type lines struct {
	in     *bufio.Reader
	number int
	ended  bool
}

// Next implements Lines. The line is the caller's to keep.
func (l *lines) Next() ([]byte, int, error) {
	for !l.ended {
		line, err := readLine(l.in)
		if l.ended = errors.Is(err, io.EOF); err != nil && !l.ended && !errors.Is(err, errLineTooLong) {
			return nil, 0, err
		}
		l.number++
		if errors.Is(err, errLineTooLong) {
			return nil, l.number, nil
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, l.number, nil
		}
	}
	return nil, 0, io.EOF
}

var errLineTooLong = errors.New("line is longer than a message may be")

// readLine returns a copy of the next line. Of a line longer than a message may be it returns nothing but
// errLineTooLong, having skipped it without keeping it.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := in.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > event.MaxDataBytes; tooLong {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case tooLong && (err == nil || errors.Is(err, io.EOF)):
			return nil, errLineTooLong
		case errors.Is(err, io.EOF):
			return line, io.EOF
		case err != nil:
			return nil, fmt.Errorf("read line: %w", err)
		default:
			return line, nil
		}
	}
}
