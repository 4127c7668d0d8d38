package score

import (
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Media types of a payment and of an answer.
const (
	mediaJSON       = "application/json"
	mediaProto      = "application/x-protobuf"
	mediaProtoOther = "application/protobuf"
)

// viewFull is the value of the parameter view that asks for the whole decision.
const viewFull = "full"

// form is how an answer is written: what the caller may see of the decision, in an encoding that it takes.
type form struct {
	media string
	write func(*pix.Decision) ([]byte, error)
}

// reply is an answer that is ready to be sent.
type reply struct {
	media  string
	body   []byte
	result result
}

func (f form) reply(d *pix.Decision) (*reply, error) {
	body, err := f.write(d)
	if err != nil {
		return nil, pix.E(pix.Unexpected, "encode decision", err)
	}
	return &reply{f.media, body, resultOf(d)}, nil
}

// formOf returns what writes the answer. What the callers of an authorisation path get is no secret of the decision; the
// rest is, and has to be asked for by who may see it.
func formOf(r *http.Request) (form, error) {
	full, err := viewOf(r)
	if err != nil {
		return form{}, err
	}
	media, p := problem.Accepted(r.Header, mediaJSON, mediaProto, mediaProtoOther)
	switch {
	case p != nil:
		return form{}, p
	case full && media == mediaJSON:
		return form{media, event.DecisionJSON}, nil
	case full:
		return form{media, event.DecisionProto}, nil
	case media == mediaJSON:
		return form{media, event.AnswerJSON}, nil
	default:
		return form{media, event.AnswerProto}, nil
	}
}

// viewOf says whether the whole decision is asked for.
func viewOf(r *http.Request) (full bool, err error) {
	switch views, given := r.URL.Query()["view"]; {
	case !given:
		return false, nil
	case len(views) != 1 || views[0] != viewFull:
		return false, &problem.Problem{Status: http.StatusBadRequest, Kind: "view", Detail: "Leave the parameter view out, or ask for view=" + viewFull + "."}
	case !identity.From(r.Context()).Has(identity.Detail):
		return false, &problem.Problem{
			Status: http.StatusForbidden, Kind: "forbidden",
			Detail: "The whole decision is for callers with the role " + string(identity.Detail) + ". Leave the parameter view out.",
		}
	default:
		return true, nil
	}
}

// encodingOf maps a request's media type to the envelope's encoding.
func encodingOf(h http.Header) (string, error) {
	if p := problem.Coding(h); p != nil {
		return "", p
	}
	media, p := problem.Media(h, mediaJSON, mediaProto, mediaProtoOther)
	switch {
	case p != nil:
		return "", p
	case media == mediaJSON:
		return event.EncodingJSON, nil
	default:
		return event.EncodingProto, nil
	}
}
