package scoring

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

const loadOp = "load model"

// kindError carries the kind of a refusal that is not Invalid through the layers that add to its text.
type kindError struct {
	kind pix.Kind
	error
}

func tooLarge(format string, args ...any) error {
	return &kindError{pix.TooLarge, fmt.Errorf(format, args...)}
}

func unreadable(format string, args ...any) error {
	return &kindError{pix.Unavailable, fmt.Errorf(format, args...)}
}

// maxReason bounds a refusal in bytes, whatever it repeats of a file.
const maxReason = 400

// refusal gives what Load returns its kind.
func refusal(err error) error {
	kind := pix.Invalid
	var k *kindError
	if errors.As(err, &k) {
		kind = k.kind
	}
	if text := err.Error(); len(text) > maxReason { // a file brought part of it
		err = errors.New(strings.ToValidUTF8(text[:maxReason], "") + "…")
	}
	return pix.E(kind, loadOp, err)
}

// readBounded reads a whole file and refuses one above limit without reading past it: the size that the file system
// states is not trusted.
func readBounded(fsys fs.FS, name string, limit int64) (_ []byte, err error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing", name)
	}
	if err != nil {
		return nil, unreadable("open %s: %w", name, err)
	}
	defer func() {
		if cerr := f.Close(); cerr != nil && err == nil {
			err = unreadable("close %s: %w", name, cerr)
		}
	}()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, unreadable("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge("%s is larger than %d bytes", name, limit)
	}
	return data, nil
}

// checkHash compares the sha256 of data with the one the manifest states.
func checkHash(name string, data []byte, want string) error {
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != want {
		hint := ""
		if bytes.Contains(data, []byte("\r\n")) {
			hint = "; its line ends are CRLF, which the exporter does not write"
		}
		return fmt.Errorf("sha256 of %s is %s, the manifest says %q%s", name, got, clip(want), hint)
	}
	return nil
}

// decodeStrict decodes one JSON document: unknown fields and anything after it are errors.
func decodeStrict(name string, data []byte, v any) error {
	if err := foreign(name, data); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch err := d.Decode(v); {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("decode %s: it is cut off", name)
	case errors.As(err, &mismatch):
		return fmt.Errorf("decode %s: %q holds a %s, which does not belong there",
			name, clip(mismatch.Field), clip(mismatch.Value))
	case errors.As(err, &syntax):
		return fmt.Errorf("decode %s: at byte %d: %w%s", name, syntax.Offset, err, notANumber(data[max(syntax.Offset-1, 0):]))
	case err != nil:
		return fmt.Errorf("decode %s: %w", name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("decode %s: there is more after the document", name)
	}
	return nil
}

// notANumber says what Python and JavaScript write where JSON has no number.
func notANumber(rest []byte) string {
	for _, word := range []string{"NaN", "nan", "Infinity", "inf", "Inf"} {
		if bytes.HasPrefix(rest, []byte(word)) {
			return fmt.Sprintf(": JSON knows no %s; the exporter writes NaN as null and infinities as \"inf\" and \"-inf\"", word)
		}
	}
	return ""
}

// clip bounds what an error text repeats from a file.
func clip(s string) string {
	const most = 48
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
