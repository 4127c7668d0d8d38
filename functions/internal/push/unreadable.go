package push

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// What cannot be read as a push is the work of a wrong configuration: of the subscription, or of whoever posts here. It is
// refused and comes again, so that nothing is lost while somebody mends it, and there is neither a payload nor an id that a
// dead letter could carry. The kinds of these problems are a closed set: the reasons in pix_push_unreadable_total.

const (
	pushForm = `A push is posted as {"message":{"data":"<base64>","attributes":{"name":"text"},"messageId":"1"}}, alone or as the data of a CloudEvent.`
	// unwrapHint is the remedy for the one wrong setting that leaves no trace in what is posted.
	unwrapHint = "Where the subscription unwraps payloads, let it write metadata (gcloud: --push-no-wrapper-write-metadata): " +
		"without it a status cannot be told from a payment."
)

var errNotUTF8 = errors.New("not UTF-8")

// unreadable is the answer to what a decoder refused. Its text may quote the input, so it is replaced.
func unreadable(err error) *problem.Problem {
	p := &problem.Problem{Status: http.StatusBadRequest, Kind: "malformed", Detail: pushForm + " " + unwrapHint}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var bad *fieldError
	switch {
	case errors.Is(err, errNotUTF8), errors.As(err, &syntax):
		p.Kind = "no_json"
		p.Errors = []pix.Problem{{Reason: "the body is not one JSON document in UTF-8"}}
	case errors.As(err, &bad):
		p.Errors = []pix.Problem{pix.Problem(*bad)}
	case errors.As(err, &kind):
		p.Errors = []pix.Problem{{Field: kind.Field, Reason: "of another JSON type than expected"}}
	}
	return p
}

func notFound() *problem.Problem {
	return &problem.Problem{
		Status: http.StatusNotFound, Kind: "not_found",
		Detail: "There is nothing under this path. Pushes go to /push, and payments that wait for an answer to the scorer's /v1/decisions, exactly so.",
	}
}

func noMessage() *problem.Problem {
	return &problem.Problem{
		Status: http.StatusBadRequest, Kind: "no_message", Detail: unwrapHint + " " + pushForm,
		Errors: []pix.Problem{{Field: "message", Reason: "required"}},
	}
}

func otherEvent() *problem.Problem {
	return &problem.Problem{
		Status: http.StatusBadRequest, Kind: "other_event",
		Detail: "Let the trigger send events of type " + messagePublished + " only.",
		Errors: []pix.Problem{{Field: "type", Reason: "must be " + messagePublished}},
	}
}

func wrongCount() *problem.Problem {
	return &problem.Problem{
		Status: http.StatusBadRequest, Kind: "batch_size", Detail: fmt.Sprintf("Send a batch as an array of 1 to %d events.", maxBatch),
	}
}

func tooLarge() *problem.Problem {
	return &problem.Problem{
		Status: http.StatusRequestEntityTooLarge, Kind: "too_large",
		Detail: fmt.Sprintf("Post at most %d bytes: no message of Pub/Sub is larger.", MaxBodyBytes),
	}
}
