package file_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte("text"))
	_ = w.Close()
	for in, want := range map[string]string{"text": "text", packed.String(): "text", "": "", "x": "x"} {
		r, err := file.Plain(strings.NewReader(in))
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for in, says := range map[string]string{"\xef\xbb\xbf{}": "byte order mark", "\xff\xfe{\x00": "byte order mark", "\x1f\x8bno": "gzip"} {
		if _, err := file.Plain(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", in, err, says)
		}
	}
}

// TestInterruptible: nothing is lost or changed, and a read that waits for ever ends with ctx.
func TestInterruptible(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 20_000)
	if err := iotest.TestReader(file.Interruptible(t.Context(), strings.NewReader(long)), []byte(long)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	waiting := file.Interruptible(ctx, r)
	cancel()
	if _, err := io.ReadAll(waiting); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
