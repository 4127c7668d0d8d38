package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

var errByteOrderMark = errors.New("the input begins with a byte order mark: save it as UTF-8 without one")

// Plain gives what a stream of text holds: one that is packed by gzip is unpacked. How much comes of it is the reader's
// matter to bound.
func Plain(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	begin, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: %w", err)
	}
	switch {
	case bytes.HasPrefix(begin, []byte{0xEF, 0xBB, 0xBF}), bytes.HasPrefix(begin, []byte{0xFF, 0xFE}), bytes.HasPrefix(begin, []byte{0xFE, 0xFF}):
		return nil, errByteOrderMark
	case bytes.HasPrefix(begin, []byte{0x1F, 0x8B}):
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("unpack gzip: %w", err)
		}
		return unpacked, nil
	}
	return in, nil
}

// Interruptible reads r until ctx ends. A read of a terminal or a pipe may wait for ever, and is left behind then.
func Interruptible(ctx context.Context, r io.Reader) io.Reader {
	return &interruptible{ctx: ctx, r: r}
}

type interruptible struct {
	ctx context.Context //nolint:containedctx // io.Reader has no place for one
	r   io.Reader
	buf []byte // what was read and not yet given
	err error
}

// Read implements io.Reader.
func (i *interruptible) Read(p []byte) (int, error) {
	if len(i.buf) == 0 && i.err == nil {
		i.fill(len(p))
	}
	n := copy(p, i.buf)
	if i.buf = i.buf[n:]; n > 0 {
		return n, nil
	}
	return 0, i.err
}

func (i *interruptible) fill(most int) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		buf := make([]byte, min(most, 64<<10))
		n, err := i.r.Read(buf)
		done <- result{buf[:n], err}
	}()
	select {
	case got := <-done:
		i.buf, i.err = got.data, got.err
	case <-i.ctx.Done():
		i.err = i.ctx.Err()
	}
}
