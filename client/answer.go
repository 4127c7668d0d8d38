package client

import (
	"encoding/json"
	"time"
)

// Outcome is what is to be done with a payment, by the names of the wire.
type Outcome string

// The outcomes, mildest first. Review holds an outgoing payment for a person; Block keeps an incoming one for at most 72
// hours.
const (
	Approve Outcome = "OUTCOME_APPROVE"
	Review  Outcome = "OUTCOME_REVIEW"
	Block   Outcome = "OUTCOME_BLOCK"
	Reject  Outcome = "OUTCOME_REJECT"
)

// known says whether it is one that the caller knows what to do with.
func (o Outcome) known() bool { return o == Approve || o == Review || o == Block || o == Reject }

// Decision is the decision that stands for a payment. There is never another one for its EndToEndId.
type Decision struct {
	EndToEndID      string
	Outcome         Outcome
	HoldUntil       time.Time // UTC; when a Review or Block lapses, zero otherwise
	Reasons         []Reason  // most important first
	DecidedAt       time.Time // UTC
	FeaturesMissing bool      // decided without the accounts' histories
	ModelVersions   map[string]string
	PolicyVersion   string
	FeatureSet      string
	TraceID         string
}

// Reason is one cause of a decision, in both languages.
type Reason struct {
	Code   string `json:"code"`
	TextPT string `json:"textPt"`
	TextEN string `json:"textEn"`
}

// answer is the answer's JSON. What tells a decision that stands from one that does not must be there: a member that is
// missing is not false.
type answer struct {
	EndToEndID      string            `json:"endToEndId"`
	Outcome         Outcome           `json:"outcome"`
	HoldUntil       time.Time         `json:"holdUntil"`
	Reasons         []Reason          `json:"reasons"`
	DecidedAt       time.Time         `json:"decidedAt"`
	Provisional     *bool             `json:"provisional"`
	FeaturesMissing *bool             `json:"featuresMissing"`
	ModelVersions   map[string]string `json:"modelVersions"`
	PolicyVersion   string            `json:"policyVersion"`
	FeatureSet      string            `json:"featureSet"`
	TraceID         string            `json:"traceId"`
}

// readAnswer takes an answer for id and nothing else.
func readAnswer(body []byte, id string) (*Decision, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, &AnswerError{Reason: "no JSON of an answer"} // the parser's error quotes what it read
	}
	switch {
	case a.EndToEndID != id:
		return nil, &AnswerError{Reason: "for another EndToEndId"}
	case !a.Outcome.known():
		return nil, &AnswerError{Reason: "without an outcome that is known"}
	case a.Provisional == nil || a.FeaturesMissing == nil || a.DecidedAt.IsZero():
		return nil, &AnswerError{Reason: "without provisional, featuresMissing or decidedAt"}
	case *a.Provisional && a.Outcome == Approve:
		return nil, &AnswerError{Reason: "a provisional approval, which no scorer gives"}
	case *a.Provisional:
		return nil, &ProvisionalError{EndToEndID: a.EndToEndID, Outcome: a.Outcome, HoldUntil: a.HoldUntil, Reasons: a.Reasons}
	}
	return &Decision{
		EndToEndID: a.EndToEndID, Outcome: a.Outcome, HoldUntil: a.HoldUntil, Reasons: a.Reasons, DecidedAt: a.DecidedAt,
		FeaturesMissing: *a.FeaturesMissing, ModelVersions: a.ModelVersions, PolicyVersion: a.PolicyVersion,
		FeatureSet: a.FeatureSet, TraceID: a.TraceID,
	}, nil
}
