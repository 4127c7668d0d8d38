package bus

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// publishError wraps what the SDK said with the operation and a kind. Of a refusal it keeps the code only: the server
// may quote the message that it refused.
func publishError(topic string, err error) error {
	kind := kindOf(err)
	if s, ok := status.FromError(err); ok && kind == pix.Unexpected {
		err = fmt.Errorf("refused with code %s", s.Code())
	}
	return pix.E(kind, "publish to "+topic, err)
}

// kindOf maps an error of the SDK to a kind. NotFound, PermissionDenied and the like are Unavailable: the deployment is
// wrong, not the message, and it must wait rather than be dropped. InvalidArgument stays Unexpected, thus retried, because
// it fails a whole batch and cannot be blamed on one message; check has refused every cause that we know.
func kindOf(err error) pix.Kind {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, pubsub.ErrPublisherStopped):
		return pix.Cancelled
	case errors.Is(err, context.DeadlineExceeded):
		return pix.Timeout
	case errors.Is(err, pubsub.ErrOversizedMessage):
		return pix.TooLarge
	}
	switch status.Code(err) {
	case codes.Canceled:
		return pix.Cancelled
	case codes.DeadlineExceeded:
		return pix.Timeout
	case codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.NotFound, codes.PermissionDenied,
		codes.Unauthenticated, codes.FailedPrecondition:
		return pix.Unavailable
	default:
		return pix.Unexpected
	}
}
