package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
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

// Terraform writes the alerts by name, and those of objectives beside them. Cloud Monitoring knows no keep_firing_for either.
// What objectives record comes from GlobalRules in the cluster.
func Terraform(alerts []Alert, objectives []Group) ([]byte, error) {
	policies := map[string]policy{}
	for _, a := range alerts {
		policies[a.Name] = policy{
			From: a.From, Severity: a.Severity.google(), Text: a.Text, Runbook: Runbook(a.Name),
			Failing: a.Failing, FailingFor: seconds(a.For), Missing: a.Missing, MissingFor: seconds(a.MissingFor),
		}
	}
	for _, g := range objectives {
		burns(policies, g)
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

// google is a severity in Cloud Monitoring's words.
func (s Severity) google() string {
	if s == Page {
		return "CRITICAL"
	}
	return "ERROR"
}

// selector is a recorded ratio of the last five minutes, of which an objective has one.
var selector = regexp.MustCompile(`sloth_slo="[a-z]+"`)

// burns adds the alerts of an objective's group. Sloth gives one name to both severities.
func burns(policies map[string]policy, g Group) {
	for _, r := range g.Rules {
		if r.Alert == "" {
			continue
		}
		from := Cluster
		if !strings.Contains(r.Expr, `sloth_slo="decisions"`) {
			from = Functions
		}
		severity := Severity(r.Labels["severity"])
		policies[r.Alert+" "+string(severity)] = policy{
			From: from, Severity: severity.google(), Text: "The budget of an objective burns too fast (dashboards/slos).",
			Runbook: Runbook(r.Alert), Failing: r.Expr, FailingFor: seconds(0),
			Missing: "absent(slo:sli_error:ratio_rate5m{" + selector.FindString(r.Expr) + "})", MissingFor: seconds(time.Hour),
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0fs", d.Seconds()) }
