package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// policy is an alert as terraform/modules/monitoring reads it. Its conditions are evaluated in Cloud Monitoring.
type policy struct {
	From       From   `json:"from"`
	Severity   string `json:"severity"`
	Text       string `json:"text"`
	Runbook    string `json:"runbook"`
	Failing    string `json:"failing"`
	FailingFor string `json:"failing_for"`
	Missing    string `json:"missing"`
	MissingFor string `json:"missing_for"`
}

// Terraform writes the alerts by name. Cloud Monitoring knows no keep_firing_for either.
func Terraform(alerts []Alert) ([]byte, error) {
	policies := map[string]policy{}
	for _, a := range alerts {
		severity := "ERROR"
		if a.Severity == Page {
			severity = "CRITICAL"
		}
		policies[a.Name] = policy{
			From: a.From, Severity: severity, Text: a.Text, Runbook: Runbook(a.Name),
			Failing: a.Failing, FailingFor: seconds(a.For), Missing: a.Missing, MissingFor: seconds(a.MissingFor),
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(policies); err != nil {
		return nil, fmt.Errorf("write policies: %w", err)
	}
	return out.Bytes(), nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0fs", d.Seconds()) }
