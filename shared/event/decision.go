package event

import (
	"encoding/hex"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// paymentField is the number of Decision.transaction, its first field.
const paymentField = 1

// DecisionJSON writes a decision in the JSON mapping, for HTTP answers. NaN becomes "NaN".
func DecisionJSON(d *pix.Decision) ([]byte, error) {
	const op = "write decision"
	f := takeForm()
	defer f.free()
	f.Put(&d.Transaction)
	payment, err := f.generated(op)
	if err != nil {
		return nil, err
	}
	var e enums
	m := e.verdict(d)
	m.Transaction = payment
	if err := e.problems.Err(op); err != nil {
		return nil, err
	}
	data, err := writeJSON(m)
	return data, wrap(op, err)
}

// DecodeDecision reads a decision in either encoding. It refuses one without a payment, an event time or an outcome it
// knows, and one that carries a raw identifier or something else in the place of a token. The rest of the payment was
// validated before it was decided, and is not validated again: a decision that was made must reach the audit. So its
// times, which another clock let through, are judged as pix.Made. Error kinds are those of DecodeTransaction.
func DecodeDecision(e Envelope, now time.Time) (pix.Decision, error) {
	d, err := ReadDecision(e)
	if err != nil {
		return pix.Decision{}, err
	}
	var p pix.Problems
	p.Add("transaction.eventTime", pix.Made.Problem(d.Transaction.EventTime, now))
	p.Add("transaction.receivedAt", pix.Made.OptionalProblem(d.Transaction.ReceivedAt, now))
	p.Add("decidedAt", pix.Made.OptionalProblem(d.DecidedAt, now))
	p.Add("holdUntil", pix.Due.OptionalProblem(d.HoldUntil, now))
	if err := p.Err("decode decision"); err != nil {
		return pix.Decision{}, err
	}
	return d, nil
}

// ReadDecision is DecodeDecision for the store that keeps the decision: it stands whatever the clock says now, and a
// reader that refused it would leave its payment without any.
func ReadDecision(e Envelope) (pix.Decision, error) {
	const op = "decode decision"
	f := takeForm()
	defer f.free()
	rest, plain := f.readPayment(e)
	if !plain {
		return decodeDecision(e)
	}
	var (
		m pixv1.Decision
		r reader
	)
	if err := open(op, rest, SchemaDecision, &m); err != nil {
		return pix.Decision{}, err
	}
	if m.Transaction != nil { // a second one, to be merged with the first
		return decodeDecision(e)
	}
	d := r.verdict(&m)
	return r.decided(op, &d, f)
}

// decodeDecision is ReadDecision for everything, through the generated message.
func decodeDecision(e Envelope) (pix.Decision, error) {
	const op = "decode decision"
	var (
		m pixv1.Decision
		r reader
	)
	if err := open(op, e, SchemaDecision, &m); err != nil {
		return pix.Decision{}, err
	}
	d := r.verdict(&m)
	f := takeForm()
	defer f.free()
	f.readMade(&r, m.GetTransaction())
	return r.decided(op, &d, f)
}

// readMade fills the form from the payment of a decision that was made.
func (f *form) readMade(r *reader, m *pixv1.Transaction) {
	data, err := proto.Marshal(m)
	if f.made = true; err != nil || !f.readBody(&f.findings, data) {
		r.problems.Add(paymentName, "malformed protobuf")
	}
	for _, p := range f.problems {
		r.problems.Add(paymentName+"."+p.Field, p.Reason)
	}
	f.EventTime = f.EventTime.Truncate(time.Millisecond)
}

// paymentName is the name of Decision.transaction.
const paymentName = "transaction"

// decided puts the payment into its decision and checks both.
func (r *reader) decided(op string, d *pix.Decision, f *form) (pix.Decision, error) {
	r.identity("transaction.endToEndId", f.ID)
	r.present("transaction.eventTime", f.EventTime)
	r.outcome("outcome", d.Outcome)
	if f.hasRaw() {
		r.problems.Add(paymentName, "carries raw identifiers")
	}
	for _, t := range f.tokens {
		if !isToken(t.kind, string(t.to.Current)) || !isToken(t.kind, string(t.to.Previous)) {
			r.problems.Add(paymentName+"."+t.path, notItsToken)
		}
	}
	if err := r.problems.Err(op); err != nil {
		return pix.Decision{}, err
	}
	d.Transaction = f.Transaction()
	return *d, nil
}

const notItsToken = "not a token of its kind"

// isToken tells a token, or none, from what stands in its place and could be a raw identifier.
func isToken(kind pix.TokenKind, s string) bool {
	if s == "" {
		return true
	}
	token, err := pix.ParseToken(s)
	return err == nil && token.Kind() == kind
}

// account reads the token of an account, which may be missing.
func (r *reader) account(field, s string) pix.Token {
	if !isToken(pix.AccountToken, s) {
		r.problems.Add(field, notItsToken)
		return ""
	}
	return pix.Token(s)
}

func (r *reader) identity(field string, id pix.EndToEndID) {
	if _, err := pix.ParseEndToEndID(string(id)); err != nil {
		r.problems.Add(field, "missing or malformed")
	}
}

func (r *reader) present(field string, t time.Time) {
	if t.IsZero() {
		r.problems.Add(field, "required")
	}
}

// outcome refuses what is missing or unknown: read as anything, it could become an approval.
func (r *reader) outcome(field string, o pix.Outcome) {
	if o == "" || o == notRecognised {
		r.problems.Add(field, "missing or not one of the known values")
	}
}

// verdict writes a decision without its payment.
func (e *enums) verdict(d *pix.Decision) *pixv1.Decision {
	m := &pixv1.Decision{
		Outcome:         e.outcome(d.Outcome),
		HoldUntil:       timestamp(d.HoldUntil),
		Reasons:         reasonMessages(d.Reasons),
		Vector:          d.Vector,
		FeatureSet:      d.FeatureSet,
		FeaturesMissing: d.FeaturesMissing,
		PolicyVersion:   d.PolicyVersion,
		DecidedAt:       timestamp(d.DecidedAt),
		StoreLatency:    durationpb.New(d.StoreLatency),
		ScoreLatency:    durationpb.New(d.ScoreLatency),
		TotalLatency:    durationpb.New(d.TotalLatency),
		TraceId:         d.TraceID,
		Provisional:     d.Provisional,
	}
	for _, hit := range d.RuleHits {
		m.RuleHits = append(m.RuleHits, &pixv1.RuleHit{
			Id: hit.ID, Outcome: e.outcome(hit.Outcome), LegalBasis: hit.LegalBasis, Lifted: hit.Lifted,
		})
	}
	for i := range d.Scores {
		m.Scores = append(m.Scores, e.score(&d.Scores[i]))
	}
	for i := range d.Shadow {
		m.ShadowScores = append(m.ShadowScores, e.score(&d.Shadow[i]))
	}
	return m
}

// outcome also refuses an empty one: a decision without an outcome must not reach a topic.
func (e *enums) outcome(o pix.Outcome) pixv1.Outcome {
	if o == "" {
		e.problems.Add("outcome", "required")
	}
	return pixv1.Outcome(e.number(pixv1.Outcome_value, outcomePrefix, string(o), "outcome"))
}

func (e *enums) score(s *pix.Score) *pixv1.Score {
	role := e.number(pixv1.Role_value, rolePrefix, strings.ToUpper(string(s.Role)), "scores.role")
	m := &pixv1.Score{Role: pixv1.Role(role), Version: s.Version, Raw: s.Raw, Probability: s.Probability}
	m.Outcome = pixv1.Outcome(e.number(pixv1.Outcome_value, outcomePrefix, string(s.Outcome), "scores.outcome"))
	for _, c := range s.Top {
		m.Top = append(m.Top, &pixv1.Contribution{Feature: c.Feature, Value: c.Value, Contribution: c.Contribution})
	}
	return m
}

func reasonMessages(reasons []pix.Reason) []*pixv1.Reason {
	if len(reasons) == 0 {
		return nil
	}
	out := make([]*pixv1.Reason, len(reasons))
	for i, reason := range reasons {
		out[i] = &pixv1.Reason{Code: reason.Code, TextPt: reason.TextPT, TextEn: reason.TextEN}
	}
	return out
}

// verdict reads a decision without its payment.
func (r *reader) verdict(m *pixv1.Decision) pix.Decision {
	d := pix.Decision{
		Outcome:         toCode[pix.Outcome](pixv1.Outcome_name, outcomePrefix, int32(m.GetOutcome())),
		HoldUntil:       r.time("holdUntil", m.GetHoldUntil()),
		Reasons:         reasons(m.GetReasons()),
		Vector:          m.GetVector(),
		FeatureSet:      m.GetFeatureSet(),
		FeaturesMissing: m.GetFeaturesMissing(),
		PolicyVersion:   m.GetPolicyVersion(),
		DecidedAt:       r.time("decidedAt", m.GetDecidedAt()),
		StoreLatency:    r.duration("storeLatency", m.GetStoreLatency()),
		ScoreLatency:    r.duration("scoreLatency", m.GetScoreLatency()),
		TotalLatency:    r.duration("totalLatency", m.GetTotalLatency()),
		TraceID:         traceID(m.GetTraceId()),
		Provisional:     m.GetProvisional(),
	}
	for _, hit := range m.GetRuleHits() {
		outcome := toCode[pix.Outcome](pixv1.Outcome_name, outcomePrefix, int32(hit.GetOutcome()))
		r.outcome("ruleHits.outcome", outcome)
		d.RuleHits = append(d.RuleHits, pix.RuleHit{
			ID: hit.GetId(), Outcome: outcome, LegalBasis: hit.GetLegalBasis(), Lifted: hit.GetLifted(),
		})
	}
	for _, score := range m.GetScores() {
		d.Scores = append(d.Scores, r.score("scores.role", score))
	}
	for _, score := range m.GetShadowScores() {
		d.Shadow = append(d.Shadow, r.score("shadowScores.role", score))
	}
	return d
}

// traceID reads a trace id, and anything else as none: it goes on into rows and logs, and could be a raw identifier.
func traceID(s string) string {
	if id, err := hex.DecodeString(s); err != nil || len(id) != 16 {
		return ""
	}
	return s
}

func (r *reader) score(field string, m *pixv1.Score) pix.Score {
	role := pix.Role(strings.ToLower(toCode[string](pixv1.Role_name, rolePrefix, int32(m.GetRole()))))
	if role != pix.PayerRole && role != pix.ReceiverRole {
		r.problems.Add(field, "missing or not one of the known values")
	}
	s := pix.Score{Role: role, Version: m.GetVersion(), Raw: m.GetRaw(), Probability: m.GetProbability()}
	s.Outcome = toCode[pix.Outcome](pixv1.Outcome_name, outcomePrefix, int32(m.GetOutcome()))
	if s.Outcome == notRecognised {
		r.problems.Add(field, "outcome is not one of the known values")
	}
	for _, c := range m.GetTop() {
		s.Top = append(s.Top, pix.Contribution{
			Feature: c.GetFeature(), Value: c.GetValue(), Contribution: c.GetContribution(),
		})
	}
	return s
}

func reasons(messages []*pixv1.Reason) []pix.Reason {
	if len(messages) == 0 {
		return nil
	}
	out := make([]pix.Reason, len(messages))
	for i, m := range messages {
		out[i] = pix.Reason{Code: m.GetCode(), TextPT: m.GetTextPt(), TextEN: m.GetTextEn()}
	}
	return out
}
