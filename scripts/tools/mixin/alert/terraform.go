package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// policy is an alert as terraform/modules/monitoring reads it. Its query is evaluated in Cloud Monitoring.
type policy struct {
	From     From   `json:"from"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
	Runbook  string `json:"runbook"`
	Query    string `json:"query"`
	For      string `json:"for"`
	Silence  bool   `json:"silence"` // and not wanted where silence is normal
}

// Terraform writes the alerts and their silences by name, and those of objectives beside them. Cloud Monitoring knows no
// keep_firing_for either. What objectives record comes from GlobalRules in the cluster.
func Terraform(alerts []Alert, objectives []Group) ([]byte, error) {
	policies := map[string]policy{}
	for _, a := range alerts {
		if a.Failing != "" {
			policies[a.Name] = policy{
				From: a.From, Severity: a.Severity.google(), Text: a.Text, Runbook: Runbook(a.Name),
				Query: a.Failing, For: seconds(a.For),
			}
		}
		policies[a.Silent()] = policy{
			From: a.From, Severity: a.silence().google(), Text: a.untold(), Runbook: Runbook(a.Name),
			Query: a.Missing, For: seconds(a.MissingFor), Silence: true,
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
		const text = "The budget of an objective burns too fast (dashboards/slos)."
		policies[r.Alert+" "+string(severity)] = policy{
			From: from, Severity: severity.google(), Text: text, Runbook: Runbook(r.Alert), Query: r.Expr, For: seconds(0),
		}
		policies[r.Alert+"Silent"] = policy{
			From: from, Severity: Ticket.google(), Text: "Nothing would tell if this was so: " + text, Runbook: Runbook(r.Alert),
			Query: "absent(slo:sli_error:ratio_rate5m{" + selector.FindString(r.Expr) + "})", For: seconds(time.Hour), Silence: true,
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0fs", d.Seconds()) }
