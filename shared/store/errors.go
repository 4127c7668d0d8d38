package store

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Defects of what is stored or of its state, not of the message: they are retried, never blamed on the payment.
var (
	errVanished  = errors.New("a decision stands but cannot be read")
	errQualifier = errors.New("qualifier does not begin with a time")
	errMeta      = errors.New("mark of a stream is not a number")
	errMark      = errors.New("row of a mark has another form")
	errLate      = errors.New("late cell is malformed")
	errTooMany   = errors.New("more cells than one read may take")
	errRaced     = errors.New("another process has sealed further")
)

// storeError wraps a failed call with its operation and kind. It keeps the code only: a server may quote row keys, and
// those hold tokens.
func storeError(op string, err error) error {
	if err == nil {
		return nil
	}
	kind := kindOf(err)
	if s, ok := status.FromError(err); ok {
		err = fmt.Errorf("bigtable answered %s", s.Code())
	}
	return pix.E(kind, op, err)
}

// kindOf maps an error to Timeout, Cancelled or else Unavailable: whatever Bigtable refuses, it is never the message's
// fault, and it must be tried again.
func kindOf(err error) pix.Kind {
	switch {
	case errors.Is(err, context.DeadlineExceeded), status.Code(err) == codes.DeadlineExceeded:
		return pix.Timeout
	case errors.Is(err, context.Canceled), status.Code(err) == codes.Canceled:
		return pix.Cancelled
	default:
		return pix.Unavailable
	}
}
