package event

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Answer is what whoever asks for a decision over HTTP gets: what it can act on, in the names and forms of the decision's
// JSON mapping. The tokens, the vector, the scores and what they are made of stay out: together with payments of one's own
// making they would tell the token of any raw identifier, and how close a fraud came.
type Answer struct {
	EndToEndID      pix.EndToEndID    `json:"endToEndId"`
	Outcome         string            `json:"outcome"`                 // name of a pix.v1.Outcome
	HoldUntil       time.Time         `json:"holdUntil,omitzero"`      // when a REVIEW or BLOCK lapses
	Reasons         []AnswerReason    `json:"reasons,omitempty"`       // most important first
	DecidedAt       time.Time         `json:"decidedAt"`               // UTC
	Provisional     bool              `json:"provisional"`             // stored nowhere: ask again
	FeaturesMissing bool              `json:"featuresMissing"`         // decided without the histories
	ModelVersions   map[string]string `json:"modelVersions,omitempty"` // by role, of those that scored
	PolicyVersion   string            `json:"policyVersion"`
	FeatureSet      string            `json:"featureSet"`
	TraceID         string            `json:"traceId"`
}

// AnswerReason is one cause of a decision, in both languages.
type AnswerReason struct {
	Code   string `json:"code"`
	TextPT string `json:"textPt"`
	TextEN string `json:"textEn"`
}

// AnswerJSON writes a decision as an Answer. Like EncodeDecision it refuses one without an outcome that it knows.
func AnswerJSON(d *pix.Decision) ([]byte, error) {
	const op = "write answer"
	a, err := answer(op, d)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(a)
	return data, wrap(op, err)
}

// AnswerProto is AnswerJSON in the other encoding: a pix.v1.Answer.
func AnswerProto(d *pix.Decision) ([]byte, error) {
	const op = "write answer"
	a, err := answer(op, d)
	if err != nil {
		return nil, err
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pixv1.Answer{
		EndToEndId: string(a.EndToEndID), Outcome: pixv1.Outcome(pixv1.Outcome_value[a.Outcome]), HoldUntil: timestamp(a.HoldUntil),
		Reasons: reasonMessages(d.Reasons), DecidedAt: timestamp(a.DecidedAt), Provisional: &a.Provisional, FeaturesMissing: &a.FeaturesMissing,
		ModelVersions: a.ModelVersions, PolicyVersion: a.PolicyVersion, FeatureSet: a.FeatureSet, TraceId: a.TraceID,
	})
	return data, wrap(op, err)
}

// DecisionProto writes a whole decision as a pix.v1.Decision, for HTTP answers.
func DecisionProto(d *pix.Decision) ([]byte, error) {
	e, err := EncodeDecision(d)
	return e.Data, err
}

func answer(op string, d *pix.Decision) (*Answer, error) {
	var e enums
	outcome := pixv1.Outcome_name[int32(e.outcome(d.Outcome))]
	if err := e.problems.Err(op); err != nil {
		return nil, err
	}
	a := &Answer{
		EndToEndID: d.ID(), Outcome: outcome, HoldUntil: d.HoldUntil, DecidedAt: d.DecidedAt,
		Provisional: d.Provisional, FeaturesMissing: d.FeaturesMissing,
		PolicyVersion: d.PolicyVersion, FeatureSet: d.FeatureSet, TraceID: d.TraceID,
	}
	for _, r := range d.Reasons {
		a.Reasons = append(a.Reasons, AnswerReason(r))
	}
	for _, s := range d.Scores {
		if a.ModelVersions == nil {
			a.ModelVersions = map[string]string{}
		}
		a.ModelVersions[string(s.Role)] = s.Version
	}
	return a, nil
}
