package host

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/identity"
)

// IdentityConfig says who may push, and whether anybody is asked.
type IdentityConfig struct {
	// VerifyCallers is on or off. When it is off whoever reaches the process may do everything.
	VerifyCallers string `env:"VERIFY_CALLERS, default=on"`
	// PushIssuer signs the tokens of Pub/Sub's subscriptions.
	PushIssuer string `env:"PUSH_ISSUER, default=https://accounts.google.com"`
	// PushAudience is whom the tokens of Pub/Sub's subscriptions are for. Required unless VERIFY_CALLERS is off.
	PushAudience string `env:"PUSH_AUDIENCE"`
	// PushServiceAccounts are the subscriptions' service accounts, addresses with commas between. Required unless
	// VERIFY_CALLERS is off.
	PushServiceAccounts string `env:"PUSH_SERVICE_ACCOUNTS"`
	// PushReplayServiceAccounts are the service accounts of subscriptions that may deliver payments of the past.
	PushReplayServiceAccounts string `env:"PUSH_REPLAY_SERVICE_ACCOUNTS"`
	// TrustCloudRunIAM takes tokens whose signature Cloud Run has removed after it had checked them, by their claims. It is
	// for a service that nobody may invoke without Cloud Run's IAM: anybody else could write such a token.
	TrustCloudRunIAM bool `env:"TRUST_CLOUD_RUN_IAM"`
	// CloudRunService is set by Cloud Run, never by hand: it says that this is Cloud Run.
	CloudRunService string `env:"K_SERVICE"`
	// CloudRunRevision is set by Cloud Run, never by hand.
	CloudRunRevision string `env:"K_REVISION"`
}

const (
	verifyOn  = "on"
	verifyOff = "off"
)

// off says that nobody is verified.
func (c *IdentityConfig) off() bool { return c.VerifyCallers == verifyOff }

// Validate reports every problem at once.
func (c *IdentityConfig) Validate() error {
	var problems []error
	if c.VerifyCallers != verifyOn && c.VerifyCallers != verifyOff {
		problems = append(problems, errors.New("VERIFY_CALLERS: must be on or off"))
	}
	if c.TrustCloudRunIAM && (c.CloudRunService == "" || c.CloudRunRevision == "") {
		problems = append(problems, errors.New("TRUST_CLOUD_RUN_IAM: only Cloud Run removes signatures, and this is not Cloud Run: K_SERVICE and K_REVISION are not set"))
	}
	if c.off() {
		return errors.Join(problems...)
	}
	if c.PushAudience == "" {
		problems = append(problems, errors.New("PUSH_AUDIENCE: required unless VERIFY_CALLERS is off"))
	}
	pushers, err := c.pushers()
	if err != nil {
		problems = append(problems, err)
	}
	if err == nil && len(pushers) == 0 {
		problems = append(problems, errors.New("PUSH_SERVICE_ACCOUNTS: required unless VERIFY_CALLERS is off"))
	}
	return errors.Join(problems...)
}

// pushers is what each service account of a subscription may do.
func (c *IdentityConfig) pushers() (map[string][]identity.Role, error) {
	out := map[string][]identity.Role{}
	for _, list := range []struct {
		variable, accounts string
		roles              []identity.Role
	}{
		{"PUSH_SERVICE_ACCOUNTS", c.PushServiceAccounts, []identity.Role{identity.Push}},
		{"PUSH_REPLAY_SERVICE_ACCOUNTS", c.PushReplayServiceAccounts, []identity.Role{identity.Push, identity.Replay}},
	} {
		for account := range strings.SplitSeq(list.accounts, ",") {
			account = strings.TrimSpace(account)
			if account == "" {
				continue
			}
			if !strings.Contains(account, "@") {
				return nil, fmt.Errorf("%s: a service account is an address", list.variable)
			}
			if _, twice := out[account]; twice {
				return nil, fmt.Errorf("%s: a service account is named twice", list.variable)
			}
			out[account] = list.roles
		}
	}
	return out, nil
}

// CallersConfig says who may ask for decisions, and what of them each may see.
type CallersConfig struct {
	// Issuer signs the callers' tokens.
	Issuer string `env:"CALLER_ISSUER, default=https://accounts.google.com"`
	// Audience is whom the callers' tokens are for. Required with CALLERS.
	Audience string `env:"CALLER_AUDIENCE"`
	// Callers names who may ask for decisions (decide), see those that stand (read), see what one was made of (detail) and send payments of the past (replay), as core@bank.iam.gserviceaccount.com=decide+read,desk@bank.example=read+detail. None means that nobody may ask.
	Callers string `env:"CALLERS"`
}

// Validate reports every problem at once.
func (c *CallersConfig) Validate() error {
	callers, err := identity.ParseCallers(c.Callers)
	if err != nil {
		return fmt.Errorf("CALLERS: %w", err)
	}
	if len(callers) > 0 && c.Audience == "" {
		return errors.New("CALLER_AUDIENCE: required with CALLERS")
	}
	return nil
}
