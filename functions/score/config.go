package score

import (
	"errors"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/keyring"
)

// minLateAge leaves a payment the time that it takes to come.
const minLateAge = 10 * time.Second

// Config is the service's configuration. Each field's variable and default are in its tag.
type Config struct {
	host.Config
	host.StoreConfig
	// DecisionsTopic takes every decision.
	DecisionsTopic string `env:"DECISIONS_TOPIC, default=pix-decisions-v1"`
	// Models is a directory or gs://bucket/prefix; empty means the models that this release ships.
	Models string `env:"MODELS_LOCATION"`
	// ModelSigningKeys is a PEM file of the public keys, one of which must have signed a model; empty asks for no signature.
	// It is read once, at the start.
	ModelSigningKeys string `env:"MODEL_SIGNING_KEYS"`
	// Policy is the pack's file, in a directory or as gs://bucket/object; empty means the pack that this release ships.
	Policy string `env:"POLICY_LOCATION"`
	// ReloadEvery is how often models and policy are looked for.
	ReloadEvery time.Duration `env:"RELOAD_EVERY, default=10s"`
	// DecisionTimeout bounds one decision.
	DecisionTimeout time.Duration `env:"DECISION_TIMEOUT, default=300ms"`
	// StoreDeadline bounds the part of a decision in which the payment's event is written and the histories are read: after
	// it the payment is decided without them.
	StoreDeadline time.Duration `env:"STORE_DEADLINE, default=150ms"`
	// MaxInFlight bounds the decisions that run at once. Divided by what this process decides in a second it is how long
	// each takes under overload, and must stay below STORE_DEADLINE: 256 are for 2,000 a second and more.
	MaxInFlight int `env:"MAX_DECISIONS_IN_FLIGHT, default=256"`
	// ShadowWait is how long a decision waits for its challengers.
	ShadowWait time.Duration `env:"SHADOW_WAIT, default=1ms"`
	// ExplainApprovals is the share of approvals that carry their contributions, as every other decision does.
	ExplainApprovals float64 `env:"EXPLAIN_APPROVALS_SHARE, default=0.01"`

	// MaxEventAge is how old a live payment may be when it comes, by its event time: an older one is refused.
	MaxEventAge time.Duration `env:"MAX_EVENT_AGE, default=24h"`
	// LateEventAge is how old a live payment may be when it comes, by its event time, and still be approved.
	LateEventAge time.Duration `env:"LATE_EVENT_AGE, default=10m"`

	Callers host.CallersConfig
	Keys    keyring.Config
}

// Validate reports every problem at once, by the name of its variable and never with its value.
func (c *Config) Validate() error {
	problems := []error{c.Config.Validate(), c.StoreConfig.Validate(), c.Callers.Validate()}
	require := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New(problem))
		}
	}
	require(c.DecisionsTopic != "", "DECISIONS_TOPIC: required")
	require(c.ModelSigningKeys == "" || c.Models != "",
		"MODEL_SIGNING_KEYS: needs MODELS_LOCATION, for the models of this release are not signed")
	require(c.ReloadEvery >= time.Second, "RELOAD_EVERY: must be at least 1s")
	require(c.DecisionTimeout > 0 && c.DecisionTimeout <= c.Timeout, "DECISION_TIMEOUT: must be above 0 and at most HANDLE_TIMEOUT")
	require(c.StoreDeadline > 0 && c.StoreDeadline < c.DecisionTimeout, "STORE_DEADLINE: must be above 0 and below DECISION_TIMEOUT")
	require(c.MaxInFlight > 0, "MAX_DECISIONS_IN_FLIGHT: must be above 0")
	require(c.ShadowWait > 0 && c.ShadowWait < c.DecisionTimeout, "SHADOW_WAIT: must be above 0 and below DECISION_TIMEOUT")
	require(c.ExplainApprovals >= 0 && c.ExplainApprovals <= 1, "EXPLAIN_APPROVALS_SHARE: must be 0 to 1")
	require(c.MaxEventAge > 0 && c.MaxEventAge <= feature.Retention-feature.MaxWindow,
		"MAX_EVENT_AGE: must be above 0 and at most 24h, for which the histories are kept")
	require(c.LateEventAge >= minLateAge && c.LateEventAge < c.MaxEventAge, "LATE_EVENT_AGE: must be at least 10s and below MAX_EVENT_AGE")
	if _, err := c.Keys.Tokenizer(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
