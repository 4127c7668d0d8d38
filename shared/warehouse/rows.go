package warehouse

import (
	"math"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// The columns of the three tables, in the order of the schema files.

func decisionColumns() []column[pix.Decision] {
	return append(headColumns(), verdictColumns()...)
}

// headColumns say which payment was decided how, between whom.
func headColumns() []column[pix.Decision] {
	type d = pix.Decision
	return []column[d]{
		require(text("end_to_end_id", func(v *d) pix.EndToEndID { return v.Transaction.ID })),
		require(moment("event_time", func(v *d) time.Time { return v.Transaction.EventTime })),
		moment("received_at", func(v *d) time.Time { return v.Transaction.ReceivedAt }),
		moment("decided_at", func(v *d) time.Time { return v.DecidedAt }),
		text("direction", func(v *d) pix.Direction { return v.Transaction.Direction }),
		text("outcome", func(v *d) pix.Outcome { return v.Outcome }),
		moment("hold_until", func(v *d) time.Time { return v.HoldUntil }),
		integer("amount_centavos", func(v *d) pix.Money { return v.Transaction.Amount }),
		text("initiation", func(v *d) pix.Initiation { return v.Transaction.Initiation }),
		text("payer_account", func(v *d) pix.Token { return v.Transaction.Payer.Account.Current }),
		text("payer_owner", func(v *d) pix.Token { return v.Transaction.Payer.Owner.Current }),
		text("payer_key", func(v *d) pix.Token { return v.Transaction.Payer.Key.Current }),
		text("payer_ispb", func(v *d) pix.ISPB { return v.Transaction.PayerFacts.ISPB }),
		text("payee_account", func(v *d) pix.Token { return v.Transaction.Payee.Account.Current }),
		text("payee_owner", func(v *d) pix.Token { return v.Transaction.Payee.Owner.Current }),
		text("payee_key", func(v *d) pix.Token { return v.Transaction.Payee.Key.Current }),
		text("payee_ispb", func(v *d) pix.ISPB { return v.Transaction.PayeeFacts.ISPB }),
		text("device", func(v *d) pix.Token { return v.Transaction.DeviceToken.Current }),
		document("facts", facts(pix.Contract()), func(v *d) *pix.Facts { return &v.Transaction.Facts }),
		record("previous_tokens", previousColumns(), func(v *d) *pix.Transaction { return &v.Transaction }),
	}
}

// verdictColumns say why, and how long it took.
func verdictColumns() []column[pix.Decision] {
	type d = pix.Decision
	return []column[d]{
		float("payer_score", func(v *d) float64 { return scoreOf(v, pix.PayerRole).Probability }),
		float("payer_raw", func(v *d) float64 { return scoreOf(v, pix.PayerRole).Raw }),
		float("receiver_score", func(v *d) float64 { return scoreOf(v, pix.ReceiverRole).Probability }),
		float("receiver_raw", func(v *d) float64 { return scoreOf(v, pix.ReceiverRole).Raw }),
		records("contributions", contributionColumns(), contributions),
		numbers("vector", func(v *d) []float64 { return v.Vector }),
		text("feature_set", func(v *d) string { return v.FeatureSet }),
		boolean("features_missing", func(v *d) bool { return v.FeaturesMissing }),
		records("reasons", reasonColumns(), func(v *d) []pix.Reason { return v.Reasons }),
		records("rule_hits", ruleColumns(), func(v *d) []pix.RuleHit { return v.RuleHits }),
		text("policy_version", func(v *d) string { return v.PolicyVersion }),
		text("model_version", (*d).ModelVersion),
		integer("store_latency_us", func(v *d) int64 { return v.StoreLatency.Microseconds() }),
		integer("score_latency_us", func(v *d) int64 { return v.ScoreLatency.Microseconds() }),
		integer("total_latency_us", func(v *d) int64 { return v.TotalLatency.Microseconds() }),
		text("trace_id", func(v *d) string { return v.TraceID }),
		records("shadow_scores", shadowColumns(), func(v *d) []pix.Score { return v.Shadow }),
		text("tx_id_token", func(v *d) pix.Token { return v.Transaction.TxIDToken.Current }),
		stamp[d](),
	}
}

func shadowColumns() []column[pix.Score] {
	type s = pix.Score
	return []column[s]{
		text("role", func(v *s) pix.Role { return v.Role }),
		text("version", func(v *s) string { return v.Version }),
		float("score", func(v *s) float64 { return v.Probability }),
		float("raw", func(v *s) float64 { return v.Raw }),
		text("outcome", func(v *s) pix.Outcome { return v.Outcome }),
	}
}

func previousColumns() []column[pix.Transaction] {
	type t = pix.Transaction
	return []column[t]{
		text("payer_account", func(v *t) pix.Token { return v.Payer.Account.Previous }),
		text("payer_owner", func(v *t) pix.Token { return v.Payer.Owner.Previous }),
		text("payer_key", func(v *t) pix.Token { return v.Payer.Key.Previous }),
		text("payee_account", func(v *t) pix.Token { return v.Payee.Account.Previous }),
		text("payee_owner", func(v *t) pix.Token { return v.Payee.Owner.Previous }),
		text("payee_key", func(v *t) pix.Token { return v.Payee.Key.Previous }),
		text("device", func(v *t) pix.Token { return v.DeviceToken.Previous }),
		text("tx_id", func(v *t) pix.Token { return v.TxIDToken.Previous }),
	}
}

func alertColumns() []column[pix.Alert] {
	type a = pix.Alert
	return []column[a]{
		require(text("end_to_end_id", func(v *a) pix.EndToEndID { return v.ID })),
		require(moment("event_time", func(v *a) time.Time { return v.EventTime })),
		moment("raised_at", func(v *a) time.Time { return v.RaisedAt }),
		text("direction", func(v *a) pix.Direction { return v.Direction }),
		text("outcome", func(v *a) pix.Outcome { return v.Outcome }),
		integer("amount_centavos", func(v *a) pix.Money { return v.Amount }),
		text("payer_account", func(v *a) pix.Token { return v.Payer }),
		text("payee_account", func(v *a) pix.Token { return v.Payee }),
		text("payer_ispb", func(v *a) pix.ISPB { return v.PayerISPB }),
		text("payee_ispb", func(v *a) pix.ISPB { return v.PayeeISPB }),
		float("score", func(v *a) float64 { return v.Score }),
		records("reasons", reasonColumns(), func(v *a) []pix.Reason { return v.Reasons }),
		moment("hold_until", func(v *a) time.Time { return v.HoldUntil }),
		stamp[a](),
	}
}

func labelColumns() []column[pix.Label] {
	type l = pix.Label
	return []column[l]{
		require(text("end_to_end_id", func(v *l) pix.EndToEndID { return v.ID })),
		require(moment("event_time", func(v *l) time.Time { return v.EventTime })),
		moment("arrived_at", func(v *l) time.Time { return v.ArrivedAt }),
		boolean("fraud", func(v *l) bool { return v.Fraud }),
		text("typology", func(v *l) pix.Typology { return v.Typology }),
		text("source", func(v *l) string { return v.Source }),
		integer("amount_centavos", func(v *l) pix.Money { return v.Amount }),
		text("payer_account", func(v *l) pix.Token { return v.PayerToken }),
		text("payee_account", func(v *l) pix.Token { return v.PayeeToken }),
		stamp[l](),
	}
}

// scoreOf returns the score of a role, with NaN when it did not score.
func scoreOf(d *pix.Decision, role pix.Role) pix.Score {
	for _, s := range d.Scores {
		if s.Role == role {
			return s
		}
	}
	return pix.Score{Raw: math.NaN(), Probability: math.NaN()}
}

// contribution is a feature's share with the role whose score it belongs to. Approvals have none, so
// the column costs nothing for most rows.
type contribution struct {
	role pix.Role
	pix.Contribution
}

func contributions(d *pix.Decision) []contribution {
	var list []contribution
	for _, s := range d.Scores {
		for _, c := range s.Top {
			list = append(list, contribution{role: s.Role, Contribution: c})
		}
	}
	return list
}

func contributionColumns() []column[contribution] {
	type c = contribution
	return []column[c]{
		text("role", func(v *c) pix.Role { return v.role }),
		text("feature", func(v *c) string { return v.Feature }),
		float("value", func(v *c) float64 { return v.Value }),
		float("contribution", func(v *c) float64 { return v.Contribution.Contribution }),
	}
}

func reasonColumns() []column[pix.Reason] {
	type r = pix.Reason
	return []column[r]{
		text("code", func(v *r) string { return v.Code }),
		text("text_pt", func(v *r) string { return v.TextPT }),
		text("text_en", func(v *r) string { return v.TextEN }),
	}
}

func ruleColumns() []column[pix.RuleHit] {
	type h = pix.RuleHit
	return []column[h]{
		text("id", func(v *h) string { return v.ID }),
		text("outcome", func(v *h) pix.Outcome { return v.Outcome }),
		text("legal_basis", func(v *h) string { return v.LegalBasis }),
		boolean("lifted", func(v *h) bool { return v.Lifted }),
	}
}
