package event

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// A decision is written for the store and the topic as its payment is: from the domain, in the order of the fields'
// numbers, in the bytes that the generated message gives. Making that message would cost more than writing it.

// maxScratch is the largest buffer that a form keeps for its next decision.
const maxScratch = 64 << 10

// EncodeDecision writes a decision as proto, with its outcome as an attribute. NaN in the vector survives.
func EncodeDecision(d *pix.Decision) (Envelope, error) {
	data, err := writeDecision("encode decision", d)
	if err != nil {
		return Envelope{}, err
	}
	return decided(d, data), nil
}

// EncodeStoredDecision is EncodeDecision for who sends a decision that nobody has changed since it was decided: where this
// process stored it, it takes the bytes that were written then. Nobody may change them.
func EncodeStoredDecision(d *pix.Decision) (Envelope, error) {
	if d.Stored == nil {
		return EncodeDecision(d)
	}
	return decided(d, d.Stored), nil
}

func decided(d *pix.Decision, data []byte) Envelope {
	out := envelope(SchemaDecision, d.ID(), data)
	out.Attributes[AttrOutcome] = string(d.Outcome)
	return out
}

func writeDecision(op string, d *pix.Decision) ([]byte, error) {
	f := takeForm()
	defer f.free()
	f.Put(&d.Transaction)
	w := writer{out: f.scratch[:0]}
	f.writeProto(&w, paymentField)
	var e enums
	w.verdict(d, &e)
	if cap(w.out) <= maxScratch {
		f.scratch = w.out
	}
	err := e.problems.Err(op)
	if err == nil {
		err = f.written(op, &w)
	}
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(w.out)), w.out...), nil
}

// verdict appends a decision without its payment.
func (w *writer) verdict(d *pix.Decision, e *enums) {
	w.enum(2, int32(e.outcome(d.Outcome)))
	w.moment(3, d.HoldUntil)
	for i := range d.Reasons {
		w.reason(4, &d.Reasons[i])
	}
	for i := range d.RuleHits {
		w.hit(5, &d.RuleHits[i], e)
	}
	w.scores(6, d.Scores, e)
	w.vector(7, d.Vector)
	w.string(8, d.FeatureSet)
	w.bool(9, d.FeaturesMissing)
	w.string(10, d.PolicyVersion)
	w.moment(11, d.DecidedAt)
	w.span(12, d.StoreLatency)
	w.span(13, d.ScoreLatency)
	w.span(14, d.TotalLatency)
	w.string(15, d.TraceID)
	w.scores(16, d.Shadow, e)
	w.bool(17, d.Provisional)
}

func (w *writer) reason(n protowire.Number, r *pix.Reason) {
	body := w.begin(n)
	w.string(1, r.Code)
	w.string(2, r.TextPT)
	w.string(3, r.TextEN)
	w.end(body)
}

func (w *writer) hit(n protowire.Number, h *pix.RuleHit, e *enums) {
	body := w.begin(n)
	w.string(1, h.ID)
	w.enum(2, int32(e.outcome(h.Outcome)))
	w.string(3, h.LegalBasis)
	w.bool(4, h.Lifted)
	w.end(body)
}

func (w *writer) scores(n protowire.Number, scores []pix.Score, e *enums) {
	for i := range scores {
		s := &scores[i]
		body := w.begin(n)
		w.enum(1, e.number(pixv1.Role_value, rolePrefix, strings.ToUpper(string(s.Role)), "scores.role"))
		w.string(2, s.Version)
		w.double(3, s.Raw)
		w.double(4, s.Probability)
		for j := range s.Top {
			c := &s.Top[j]
			inner := w.begin(5)
			w.string(1, c.Feature)
			w.double(2, c.Value)
			w.double(3, c.Contribution)
			w.end(inner)
		}
		w.enum(6, e.number(pixv1.Outcome_value, outcomePrefix, string(s.Outcome), "scores.outcome"))
		w.end(body)
	}
}

func (w *writer) vector(n protowire.Number, v []float64) {
	if len(v) == 0 {
		return
	}
	w.out = protowire.AppendVarint(protowire.AppendTag(w.out, n, protowire.BytesType), uint64(8*len(v)))
	for _, x := range v {
		w.out = protowire.AppendFixed64(w.out, math.Float64bits(x))
	}
}

func (w *writer) string(n protowire.Number, s string) {
	if s == "" {
		return
	}
	w.spoiled = w.spoiled || !utf8.ValidString(s)
	w.tag(n, protowire.BytesType)
	w.out = protowire.AppendString(w.out, s)
}

func (w *writer) enum(n protowire.Number, value int32) {
	if value != 0 {
		w.varint(n, uint64(value))
	}
}

func (w *writer) bool(n protowire.Number, yes bool) {
	if yes {
		w.varint(n, 1)
	}
}

func (w *writer) double(n protowire.Number, x float64) {
	if bits := math.Float64bits(x); bits != 0 {
		w.out = protowire.AppendFixed64(protowire.AppendTag(w.out, n, protowire.Fixed64Type), bits)
	}
}

// moment writes the zero time as absent.
func (w *writer) moment(n protowire.Number, t time.Time) {
	if !t.IsZero() {
		w.time(n, t)
	}
}

// span is always there, be it of no length.
func (w *writer) span(n protowire.Number, d time.Duration) {
	w.seconds(n, int64(d/time.Second), int64(d%time.Second))
}
