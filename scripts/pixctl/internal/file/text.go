package file

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

const textBuffer = 64 << 10

// Text opens an input of text, plain or packed by gzip, whose reads end with ctx. Its errors name the file.
func Text(ctx context.Context, name string) (io.ReadCloser, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	plain, err := Plain(Interruptible(ctx, f))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return &text{name, plain, f}, nil
}

type text struct {
	name  string
	plain io.Reader
	io.Closer
}

// Read implements io.Reader.
func (t *text) Read(p []byte) (int, error) {
	n, err := t.plain.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w", t.name, err)
	}
	return n, err
}

// Plain gives what a stream of text holds: one that is packed by gzip is unpacked, all of its members. How much comes of it
// is the reader's matter to bound. What is no text in UTF-8 is named.
func Plain(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, textBuffer)
	begin, err := peek(in)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(begin, []byte{0x1F, 0x8B}) {
		return in, foreign(begin)
	}
	packed, err := gzip.NewReader(in)
	if err != nil {
		return nil, unpackError(err)
	}
	unpacked := bufio.NewReader(unpacker{packed})
	if begin, err = peek(unpacked); err != nil {
		return nil, err
	}
	return unpacked, foreign(begin)
}

func peek(in *bufio.Reader) ([]byte, error) {
	begin, err := in.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: %w", err)
	}
	return begin, nil
}

// foreign says what an input is that begins as no text in UTF-8 does.
func foreign(begin []byte) error {
	for _, f := range [...]struct{ prefix, is string }{
		{"\xEF\xBB\xBF", "begins with the byte order mark of UTF-8: save it without one (tail -c +4)"},
		{"\xFF\xFE\x00\x00", "begins with the byte order mark of UTF-32: save it as UTF-8 without one"},
		{"\x00\x00\xFE\xFF", "begins with the byte order mark of UTF-32: save it as UTF-8 without one"},
		{"\xFF\xFE", "begins with the byte order mark of UTF-16: save it as UTF-8 without one"},
		{"\xFE\xFF", "begins with the byte order mark of UTF-16: save it as UTF-8 without one"},
		{"{\x00", "is written in UTF-16: save it as UTF-8 without a byte order mark"},
		{"\x00{", "is written in UTF-16: save it as UTF-8 without a byte order mark"},
		{"\x28\xB5\x2F\xFD", "is packed by zstd: unpack it first, or pack it by gzip"},
		{"BZh", "is packed by bzip2: unpack it first, or pack it by gzip"},
		{"\xFD7zXZ\x00", "is packed by xz: unpack it first, or pack it by gzip"},
		{"PK\x03\x04", "is a zip archive: unpack it first, or pack it by gzip"},
		{"PAR1", "is Parquet, not lines of JSON"},
	} {
		if bytes.HasPrefix(begin, []byte(f.prefix)) {
			return errors.New("the input " + f.is)
		}
	}
	return nil
}

// unpacker says what the errors of unpacking mean.
type unpacker struct{ *gzip.Reader }

// Read implements io.Reader.
func (u unpacker) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	return n, unpackError(err)
}

func unpackError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the gzip input is cut short: it has no end, as of a copy that was broken off")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("the gzip input is damaged: %w", err)
	default:
		return fmt.Errorf("unpack gzip: %w", err)
	}
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
