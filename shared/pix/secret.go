package pix

import (
	"fmt"
	"io"
	"log/slog"
)

// masked is what a Secret prints, whatever prints it.
const masked = "***"

// Secret is a raw identifier of a person: CPF, CNPJ, key, account, name or device id. Every way of printing it yields
// a mask; only Reveal gives the value, and only the tokeniser and the validators of this package call it.
type Secret string

// Reveal returns the raw value. Callers outside shared/pix and shared/event are refused by the architecture test.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer with a mask.
func (s Secret) String() string { return masked }

// GoString masks the %#v form too.
func (s Secret) GoString() string { return masked }

// Format masks the value under every verb. Stringer alone would not do: fmt prints the value itself when a verb does
// not fit, as in %d.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue implements slog.LogValuer with a mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalJSON masks the value, so that a struct dumped as JSON does not leak it.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// MarshalText masks the value in text encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
