// Package client asks Sentinela for decisions as docs/calling.md tells a caller to: within the caller's own deadline, with
// retries that a scorer in trouble can bear, and so that nothing but the decision that stands can be taken for it.
//
// It needs nothing but the standard library. Decide returns a *Decision or an error of one of four types, which errors.As
// tells apart: ProvisionalError, RefusedError, UnansweredError and AnswerError. None of them is an approval.
package client
