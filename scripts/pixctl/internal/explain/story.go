package explain

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// words are the fixed texts of one language.
type words struct {
	outcome                                    map[pix.Outcome]string
	direction                                  map[pix.Direction]string
	payment, seen, decided, until, because     string
	noReason, rules, lifted, score, contribute string
	raises, lowers, missing, degraded, policy  string
	took                                       string
}

func english() words {
	return words{
		outcome: map[pix.Outcome]string{
			pix.Approve: "approved", pix.Review: "held for review", pix.Block: "blocked as a precaution", pix.Reject: "rejected",
		},
		direction: map[pix.Direction]string{
			pix.Outbound: "our customer pays", pix.Inbound: "our customer receives", pix.Internal: "between two of our customers",
		},
		payment: "Payment", seen: "paid", decided: "decided", until: "until", because: "Why:",
		noReason: "nothing spoke against it", rules: "Rules that matched:", lifted: "(lifted by an override)",
		score: "Model", contribute: "what weighed most:", raises: "raises the risk", lowers: "lowers the risk",
		missing: "missing", degraded: "The feature store did not answer: only the payment itself was judged.",
		policy: "Policy", took: "took",
	}
}

func portuguese() words {
	return words{
		outcome: map[pix.Outcome]string{
			pix.Approve: "aprovado", pix.Review: "retido para análise", pix.Block: "bloqueado cautelarmente", pix.Reject: "rejeitado",
		},
		direction: map[pix.Direction]string{
			pix.Outbound: "nosso cliente paga", pix.Inbound: "nosso cliente recebe", pix.Internal: "entre dois clientes nossos",
		},
		payment: "Pagamento", seen: "feito em", decided: "decidido em", until: "até", because: "Por quê:",
		noReason: "nada pesou contra ele", rules: "Regras acionadas:", lifted: "(afastada por exceção)",
		score: "Modelo", contribute: "o que mais pesou:", raises: "aumenta o risco", lowers: "diminui o risco",
		missing: "ausente", degraded: "O armazém de histórico não respondeu: só o próprio pagamento foi julgado.",
		policy: "Política", took: "levou",
	}
}

// story is one decision in words.
type story struct {
	d          *pix.Decision
	zone       *time.Location
	words      words
	portuguese bool
}

// money writes an amount as the story's language has it.
func (s *story) money(m pix.Money) string {
	if s.portuguese {
		return m.String()
	}
	return m.English()
}

func (s *story) bytes() []byte {
	var b bytes.Buffer
	d, w := s.d, s.words
	tx := &d.Transaction
	fmt.Fprintf(&b, "%s %s: %s (%s)\n", w.payment, tx.ID, s.money(tx.Amount), w.direction[tx.Direction])
	fmt.Fprintf(&b, "  %s %s, %s %s (%s %s)\n", w.seen, s.at(tx.EventTime), w.decided, s.at(d.DecidedAt), w.took,
		d.TotalLatency.Round(10*time.Microsecond))
	fmt.Fprintf(&b, "  => %s: %s", d.Outcome, w.outcome[d.Outcome])
	if !d.HoldUntil.IsZero() {
		fmt.Fprintf(&b, " %s %s", w.until, s.at(d.HoldUntil))
	}
	fmt.Fprintf(&b, "\n%s\n", w.because)
	for i, r := range d.Reasons {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, s.reason(r))
	}
	if len(d.Reasons) == 0 {
		fmt.Fprintf(&b, "  %s\n", w.noReason)
	}
	s.rules(&b)
	s.scores(&b)
	if d.FeaturesMissing {
		fmt.Fprintln(&b, w.degraded)
	}
	fmt.Fprintf(&b, "%s %s\n", w.policy, d.PolicyVersion)
	return b.Bytes()
}

func (s *story) at(t time.Time) string { return t.In(s.zone).Format("2006-01-02 15:04:05 -07") }

func (s *story) reason(r pix.Reason) string {
	text := r.TextEN
	if s.portuguese {
		text = r.TextPT
	}
	return fmt.Sprintf("%s [%s]", text, r.Code)
}

func (s *story) rules(b *bytes.Buffer) {
	if len(s.d.RuleHits) > 0 {
		fmt.Fprintln(b, s.words.rules)
	}
	for _, h := range s.d.RuleHits {
		lifted := ""
		if h.Lifted {
			lifted = " " + s.words.lifted
		}
		fmt.Fprintf(b, "  %s -> %s, %s%s\n", h.ID, h.Outcome, h.LegalBasis, lifted)
	}
}

func (s *story) scores(b *bytes.Buffer) {
	for _, score := range s.d.Scores {
		fmt.Fprintf(b, "%s %s/%s: %.4f %%, %s\n", s.words.score, score.Role, score.Version, 100*score.Probability, s.words.contribute)
		for _, c := range score.Top {
			effect := s.words.raises
			if c.Contribution < 0 {
				effect = s.words.lowers
			}
			value := s.words.missing
			if !math.IsNaN(c.Value) {
				value = fmt.Sprintf("%.6g", c.Value)
			}
			fmt.Fprintf(b, "  %+.3f %s = %s (%s)\n", c.Contribution, c.Feature, value, effect)
		}
	}
}
