package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
)

// summary is the result of a demo. The names are a contract with other tools.
type summary struct {
	Payments     int `json:"payments"`
	Decided      int `json:"decided"`
	Approved     int `json:"approved"`
	Held         int `json:"held"`
	Blocked      int `json:"blocked"`
	Rejected     int `json:"rejected"`
	Alerts       int `json:"alerts"`
	AuditRows    int `json:"audit_rows"`
	DeadLettered int `json:"dead_lettered"`

	Exported map[string]int64 `json:"exported"` // rows in the lake, by table

	Lost              int     `json:"lost"`
	Duplicated        int     `json:"duplicated"`
	PaymentsPerSecond float64 `json:"payments_per_second"`
	DecisionMsP50     float64 `json:"decision_ms_p50"`
	DecisionMsP99     float64 `json:"decision_ms_p99"`
	DecisionMsP999    float64 `json:"decision_ms_p999"`
	ModelVersion      string  `json:"model_version"`
	PolicyVersion     string  `json:"policy_version"`
}

// sum compares the ledger with what came back. Lost is what was sent and either has no decision or no audit row.
func (p *performance) sum() *summary {
	t := p.show.ledger.tally()
	ms := func(q float64) float64 { return float64(p.latency.ValueAtQuantile(q)) / 1000 }
	s := &summary{
		Exported: p.exported,
		Payments: t.sent, Decided: t.decided,
		Approved: t.approved, Held: t.held, Blocked: t.blocked, Rejected: t.rejected,
		Alerts: p.alerts, AuditRows: p.auditRows, DeadLettered: p.show.deadLetters(),
		Lost: max(t.undecided, t.sent-p.auditRows), Duplicated: t.duplicated + p.auditedTwice,
		DecisionMsP50: ms(50), DecisionMsP99: ms(99), DecisionMsP999: ms(99.9),
		ModelVersion: t.model, PolicyVersion: t.policy,
	}
	if seconds := p.streamTook.Seconds(); seconds > 0 {
		s.PaymentsPerSecond = float64(p.streamed) / seconds
	}
	return s
}

func (s *summary) print(out io.Writer) {
	fmt.Fprintf(out, `
Summary (%d CPUs, %s)
  payments    %6d sent, %d decided: %d approved, %d held, %d blocked, %d rejected
  audit       %6d rows in BigQuery, %d alerts, %d dead letters
  lake        %6d rows of decisions, %d of labels, %d of alerts in Delta tables; a row may stand twice, a payment counts once
  guarantees  %6d lost, %d duplicated
  throughput  %6.0f payments/s from Kafka to a decision, all parts in this process
  decision    %6.1f ms p50, %.1f ms p99, %.1f ms p99.9 over HTTP, measured from the moment each request was due
  versions    model %s, policy %s
`, runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH,
		s.Payments, s.Decided, s.Approved, s.Held, s.Blocked, s.Rejected,
		s.AuditRows, s.Alerts, s.DeadLettered, s.Exported["decisions"], s.Exported["labels"], s.Exported["alerts"], s.Lost, s.Duplicated, s.PaymentsPerSecond,
		s.DecisionMsP50, s.DecisionMsP99, s.DecisionMsP999, s.ModelVersion, s.PolicyVersion)
}

func (s *summary) json(out io.Writer) error {
	if err := json.NewEncoder(out).Encode(s); err != nil {
		return fmt.Errorf("print summary: %w", err)
	}
	return nil
}

// verdict is an error when a guarantee did not hold.
func (s *summary) verdict() error {
	if s.Lost != 0 || s.Duplicated != 0 || s.Decided != s.Payments || s.AuditRows != s.Decided {
		return errors.New("a guarantee did not hold: see the summary")
	}
	return nil
}
