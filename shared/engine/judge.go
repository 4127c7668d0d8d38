package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// Bounds of an explanation.
const (
	topContributions = 5 // kept per role, for the audit row; as many of those that speak for fraud may be told
	topReasons       = 3 // told to a person per role
)

// CodeUnexplained is the reason code that tells that a score spoke against a payment and its contributions could not be
// computed.
const CodeUnexplained = "unexplained"

// judge computes the decision. It depends on nothing but the payment and its moments, the histories, the models and the pack. Without
// histories it says that features are missing, and no model is asked: the policy lets no such score count, and a score that
// counts for nothing would cost more than the rest of the answer, at the very moment at which there is no time.
func (e *Engine) judge(q *question, histories *feature.Histories) *pix.Decision {
	started, tx := e.deps.Clock(), q.Tx
	vector := e.deps.Features.Vector(nil, tx, histories)
	pack := e.deps.Policies.Pack()
	in := policy.Input{Tx: tx, Vector: vector, FeaturesMissing: histories == nil, Moments: q.Moments}
	in.DecidedAt = started.UTC().Truncate(time.Microsecond)
	var models []Model
	var shadow *challenge
	if !in.FeaturesMissing {
		models, in.Scores = e.score(tx.Direction, vector)
		shadow = e.shadows.start(in, pack)
	}
	verdict := pack.Decide(in)
	d := &pix.Decision{
		Transaction:     *tx,
		Outcome:         verdict.Outcome,
		Reasons:         verdict.Reasons,
		RuleHits:        verdict.Hits,
		Scores:          in.Scores,
		Vector:          vector,
		FeatureSet:      e.featureSet,
		FeaturesMissing: in.FeaturesMissing,
		PolicyVersion:   pack.Version(),
		HoldUntil:       verdict.HoldUntil,
		DecidedAt:       in.DecidedAt,
		TraceID:         q.TraceID,
	}
	if d.Outcome != pix.Approve || sampled(tx.ID, e.deps.ExplainShare) {
		e.explain(d, models, verdict.Roles)
	}
	var err error
	if d.Shadow, err = shadow.wait(); err != nil {
		e.degraded(PartShadow, err)
	}
	d.ScoreLatency = e.deps.Clock().Sub(started)
	return d
}

// sampled chooses a share of the payments by their id, so that every retry chooses alike.
func sampled(id pix.EndToEndID, share float64) bool {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * prime
	}
	h ^= h >> 33 // FNV's high bits are weak where ids share a prefix: finish as MurmurHash3 does
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return float64(h>>11)/(1<<53) < share
}

// score asks the model of each role of the direction, once. A role without a usable score is left out: the policy then
// fails closed. models[i] gave scores[i].
func (e *Engine) score(direction pix.Direction, vector []float64) ([]Model, []pix.Score) {
	roles := direction.Roles()
	models, scores := make([]Model, 0, len(roles)), make([]pix.Score, 0, len(roles))
	for _, role := range roles {
		model, err := e.deps.Models.Model(role)
		if err != nil || model == nil {
			e.degraded(PartModel, fmt.Errorf("no %s model: %w", role, orMissing(err)))
			continue
		}
		score, err := scoreWith(model, role, vector)
		if err != nil {
			e.degraded(PartModel, fmt.Errorf("score of %s model: %w", role, err))
			continue
		}
		models = append(models, model)
		scores = append(scores, score)
	}
	return models, scores
}

// scoreWith asks one model. A number that is no score is an error.
func scoreWith(model Model, role pix.Role, vector []float64) (pix.Score, error) {
	raw, probability, err := model.Score(vector)
	if err != nil || !finite(raw) || !(probability >= 0 && probability <= 1) {
		return pix.Score{}, orMissing(err)
	}
	return pix.Score{Role: role, Version: model.Version(), Raw: raw, Probability: probability}, nil
}

// explain adds each model's top contributions, and puts those that speak for fraud in words for the roles whose score
// spoke against the payment. The outcome stands even when an explanation fails.
func (e *Engine) explain(d *pix.Decision, models []Model, blamed []pix.Role) {
	for i, model := range models {
		score := &d.Scores[i]
		all, err := model.Explain(d.Vector, len(d.Vector))
		if err != nil {
			e.degraded(PartExplanation, fmt.Errorf("explain score of %s model: %w", score.Role, err))
		}
		score.Top = slices.Clone(all[:min(len(all), topContributions)])
		if slices.Contains(blamed, score.Role) {
			d.Reasons = append(d.Reasons, e.reasons(&d.Transaction, against(all), err)...)
		}
	}
}

// against returns the strongest contributions that speak for fraud. They are looked for among all: those that weigh most
// may all speak for the payment, and whoever was stopped must still be told why.
func against(all []pix.Contribution) (out []pix.Contribution) {
	for _, c := range all {
		if c.Contribution > 0 && len(out) < topContributions {
			out = append(out, c)
		}
	}
	return out
}

// reasons puts contributions that speak for fraud in words.
func (e *Engine) reasons(tx *pix.Transaction, against []pix.Contribution, err error) []pix.Reason {
	if err != nil {
		return []pix.Reason{{Code: CodeUnexplained, TextPT: "Não foi possível apurar o que levou o modelo a essa estimativa.",
			TextEN: "What led the model to this estimate could not be computed."}}
	}
	told := func(missing bool) (out []pix.Reason) {
		for _, c := range against {
			if math.IsNaN(c.Value) != missing || len(out) == topReasons {
				continue
			}
			// Several features may say the same: that nothing was paid, or that one fact is missing.
			reason := e.deps.Features.Reason(c.Feature, tx, c.Value)
			if !slices.ContainsFunc(out, func(r pix.Reason) bool { return r.TextPT == reason.TextPT }) {
				out = append(out, reason)
			}
		}
		return out
	}
	if known := told(false); len(known) > 0 {
		return known // "nothing is known of …" helps nobody while something is
	}
	return told(true)
}

var errNoScore = errors.New("gives no usable answer")

func orMissing(err error) error {
	if err != nil {
		return err
	}
	return errNoScore
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
