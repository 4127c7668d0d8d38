package event

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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

// answerSize is the room for an answer to begin with, in bytes: most fit.
const answerSize = 1 << 10

// AnswerJSON writes a decision as an Answer. Like EncodeDecision it refuses one without an outcome that it knows.
func AnswerJSON(d *pix.Decision) ([]byte, error) {
	const op = "write answer"
	a, err := answer(op, d)
	if err != nil {
		return nil, err
	}
	w := writer{out: make([]byte, 0, answerSize)}
	if w.answer(&a, d); !w.spoiled {
		return w.out, nil
	}
	a.add(d)
	data, err := json.Marshal(&a)
	return data, wrap(op, err)
}

// answer appends an Answer in the bytes that encoding/json gives. What that would write otherwise than plainly is left to it.
func (w *writer) answer(a *Answer, d *pix.Decision) {
	w.out = append(w.out, '{')
	w.plain("endToEndId", string(a.EndToEndID))
	w.plain("outcome", a.Outcome)
	if !a.HoldUntil.IsZero() {
		w.instant("holdUntil", a.HoldUntil)
	}
	w.reasons(d.Reasons)
	w.instant("decidedAt", a.DecidedAt)
	w.truth("provisional", a.Provisional)
	w.truth("featuresMissing", a.FeaturesMissing)
	w.versions(d.Scores)
	w.plain("policyVersion", a.PolicyVersion)
	w.plain("featureSet", a.FeatureSet)
	w.plain("traceId", a.TraceID)
	w.out = append(w.out, '}')
}

func (w *writer) reasons(reasons []pix.Reason) {
	if len(reasons) == 0 {
		return
	}
	w.member("reasons")
	for i := range reasons {
		w.out = append(w.out, "[,"[min(i, 1)], '{')
		w.plain("code", reasons[i].Code)
		w.plain("textPt", reasons[i].TextPT)
		w.plain("textEn", reasons[i].TextEN)
		w.out = append(w.out, '}')
	}
	w.out = append(w.out, ']')
}

// versions writes the models' versions by role. Roles in another order than that of their names, or twice, are not plain.
func (w *writer) versions(scores []pix.Score) {
	if len(scores) == 0 {
		return
	}
	w.member("modelVersions")
	w.out = append(w.out, '{')
	for i := range scores {
		role := string(scores[i].Role)
		w.spoiled = w.spoiled || !isPlain(role) || i > 0 && role <= string(scores[i-1].Role)
		w.plain(role, scores[i].Version)
	}
	w.out = append(w.out, '}')
}

func (w *writer) plain(name, s string) {
	w.spoiled = w.spoiled || !isPlain(s)
	w.member(name)
	w.out = append(append(append(w.out, '"'), s...), '"')
}

// isPlain tells whether encoding/json writes s as it is.
func isPlain(s string) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		default:
			ascii = ascii && c < utf8.RuneSelf
		}
	}
	return ascii || utf8.ValidString(s) && !strings.Contains(s, "\u2028") && !strings.Contains(s, "\u2029")
}

func (w *writer) instant(name string, t time.Time) {
	w.member(name)
	out, err := t.AppendText(append(w.out, '"'))
	w.spoiled = w.spoiled || err != nil
	w.out = append(out, '"')
}

func (w *writer) truth(name string, yes bool) {
	w.member(name)
	w.out = strconv.AppendBool(w.out, yes)
}

// AnswerProto is AnswerJSON in the other encoding: a pix.v1.Answer.
func AnswerProto(d *pix.Decision) ([]byte, error) {
	const op = "write answer"
	a, err := answer(op, d)
	if err != nil {
		return nil, err
	}
	a.add(d)
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

// answer is a decision's Answer without its lists.
func answer(op string, d *pix.Decision) (Answer, error) {
	var e enums
	outcome := pixv1.Outcome_name[int32(e.outcome(d.Outcome))]
	if err := e.problems.Err(op); err != nil {
		return Answer{}, err
	}
	return Answer{
		EndToEndID: d.ID(), Outcome: outcome, HoldUntil: d.HoldUntil, DecidedAt: d.DecidedAt,
		Provisional: d.Provisional, FeaturesMissing: d.FeaturesMissing,
		PolicyVersion: d.PolicyVersion, FeatureSet: d.FeatureSet, TraceID: d.TraceID,
	}, nil
}

// add adds the lists.
func (a *Answer) add(d *pix.Decision) {
	for _, r := range d.Reasons {
		a.Reasons = append(a.Reasons, AnswerReason(r))
	}
	for _, s := range d.Scores {
		if a.ModelVersions == nil {
			a.ModelVersions = map[string]string{}
		}
		a.ModelVersions[string(s.Role)] = s.Version
	}
}
