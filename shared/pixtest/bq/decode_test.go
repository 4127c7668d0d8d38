package bq

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// FuzzSplitArrow: whatever the emulator sends is parted without a byte added or changed.
func FuzzSplitArrow(f *testing.F) {
	f.Add([]byte("\xff\xff\xff\xff\x04\x00\x00\x00abcdrows" + arrowEnd))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		schema, rest := splitArrow(stream)
		if !bytes.HasPrefix(stream, append(bytes.Clone(schema), rest...)) {
			t.Errorf("%x became %x and %x", stream, schema, rest)
		}
	})
}

// FuzzCorrect: whatever JSON the emulator answers, an answer without its word for a fault stays as it is.
func FuzzCorrect(f *testing.F) {
	f.Add([]byte(`{"error":{"errors":[{"reason":"jobInternalError","message":"failed to analyze: x"}],"code":400}}`))
	f.Add([]byte(`{"rows":[{"f":[{"v":"jobInternalError"}]}],"n":12345678901234567890}`))
	f.Add([]byte(`[[[{"reason":"jobInternalError"}]]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a := &heldAnswer{header: http.Header{}, status: http.StatusOK}
		a.body.Write(body)
		a.correct()
		if !strings.Contains(string(body), "reason") && !bytes.Equal(a.body.Bytes(), body) {
			t.Errorf("%q became %q", body, a.body.Bytes())
		}
	})
}

// TestOwnFailuresStayTransient: what the emulator does wrong itself may be asked again.
func TestOwnFailuresStayTransient(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		"failed to start transaction: database is locked", "failed to scan rows: database is locked",
		"failed to scan rows: context canceled", "failed to analyze: context deadline exceeded", "",
	} {
		if e := classify(message); e != nil {
			t.Errorf("%q is called %s", message, e.reason)
		}
	}
}
