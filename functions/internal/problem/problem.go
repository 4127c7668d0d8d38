package problem

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// MediaType is the Content-Type of every answer of this package.
const MediaType = "application/problem+json"

// retryAfterSeconds is what a caller is told to wait when a dependency is away or there is no room.
const retryAfterSeconds = "1"

// Problem is a request that is not served, and why. It is an error so that whoever finds it can return it; nothing of the
// request is in it but paths of fields.
type Problem struct { //nolint:errname // RFC 9457's word for it
	Status int
	Kind   string
	Detail string // what to do about it
	Errors []pix.Problem
	Header map[string]string // what the status asks for, as Allow
}

// Error implements error.
func (p *Problem) Error() string { return p.Kind + ": " + p.Detail }

// Of returns the answer to an error: the Problem in its chain, or what its kind says. The error's text stays out: it is
// for the log, and a caller learns what it can act on.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	kind := pix.KindOf(err)
	d := kind.Disposition()
	p = &Problem{Status: d.HTTPStatus, Kind: d.Label, Detail: detail(kind)}
	var found *pix.Problems
	if errors.As(err, &found) {
		p.Errors = found.List
	}
	return p
}

// detail is what to do about an error of a kind.
func detail(kind pix.Kind) string {
	switch kind {
	case pix.Invalid:
		return "Mend what the errors name and send it again: as it is, it is refused every time."
	case pix.UnknownSchema:
		return "Send a type and an encoding that are taken here: the errors name them."
	case pix.TooLarge:
		return "Send less: a payment has a few kilobytes."
	case pix.Conflict:
		return "Another payment has this endToEndId, and its decision stands. Send this one under an id of its own."
	case pix.TooOld:
		return "The payment came too long after its eventTime to be live. A backfill is sent as a replay, by a caller with that role."
	case pix.Unavailable, pix.Timeout, pix.Cancelled:
		return "Nothing is approved. Send the same again after a while: it gets the one decision that stands."
	case pix.Overloaded:
		return "There is no room now. Send the same again after a while, and fewer at once."
	case pix.Unexpected:
		return "A failure of ours: nothing is approved. Send the same again; if it fails again, the log says why."
	default:
		return "It is refused for the reason that kind names."
	}
}

// Write answers with an error.
func Write(w http.ResponseWriter, err error) {
	p := Of(err)
	for name, value := range p.Header {
		w.Header().Set(name, value)
	}
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		w.Header().Set("Retry-After", retryAfterSeconds)
	}
	w.Header().Set("Content-Type", MediaType)
	w.Header().Set("Cache-Control", "no-store") // a cache may keep a 404 by itself, and a second later there is a decision
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(struct { // the caller has gone
		Type   string        `json:"type"`
		Title  string        `json:"title"`
		Status int           `json:"status"`
		Detail string        `json:"detail"`
		Kind   string        `json:"kind"`
		Errors []pix.Problem `json:"errors,omitempty"`
	}{
		Type: "about:blank", Title: http.StatusText(p.Status), Status: p.Status, Detail: p.Detail, Kind: p.Kind, Errors: p.Errors,
	})
}

// WriteStatus answers with a status that no error stands for.
func WriteStatus(w http.ResponseWriter, status int, kind, detail string) {
	Write(w, &Problem{Status: status, Kind: kind, Detail: detail})
}

// NotAllowed answers to a method other than the one that a path takes.
func NotAllowed(w http.ResponseWriter, method string) {
	Write(w, &Problem{
		Status: http.StatusMethodNotAllowed, Kind: "method_not_allowed", Detail: "This path takes " + method + ".",
		Header: map[string]string{"Allow": method},
	})
}
