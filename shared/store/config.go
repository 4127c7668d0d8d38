package store

import (
	"errors"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

// Config says where the table is. Zero values take the defaults named beside them.
type Config struct {
	ProjectID  string
	InstanceID string
	// Table is the one table: "pix".
	Table string
	// AppProfile must route to a single cluster; empty is the instance's default profile.
	AppProfile string
	// CallTimeout bounds every call with the client's own retries, within the caller's deadline: 2 s.
	CallTimeout time.Duration
	// DirectAccess lets the client reach Bigtable without Google's front end, where the machine allows it.
	DirectAccess bool
	// Clock is the wall clock that marks are stamped with: time.Now.
	Clock func() time.Time
}

// Retention says how long the table keeps what. Zero values take the defaults named beside them.
type Retention struct {
	Events    time.Duration // 31 days: the longest window and a day for late events
	Decisions time.Duration // 90 days, from the moment of the decision
	Pending   time.Duration // 7 days: as long as Pub/Sub retains an undelivered message
}

const (
	defaultTable       = "pix"
	defaultCallTimeout = 2 * time.Second
	defaultDecisions   = 90 * 24 * time.Hour
	defaultPending     = 7 * 24 * time.Hour
)

// Validate reports every problem at once.
func (c *Config) Validate() error {
	var problems []error
	if c.ProjectID == "" {
		problems = append(problems, errors.New("store: project id is missing"))
	}
	if c.InstanceID == "" {
		problems = append(problems, errors.New("store: instance id is missing"))
	}
	if c.CallTimeout < 0 {
		problems = append(problems, errors.New("store: call timeout is negative"))
	}
	return errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	if c.Table == "" {
		c.Table = defaultTable
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = defaultCallTimeout
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

func (r Retention) withDefaults() Retention {
	if r.Events == 0 {
		r.Events = feature.Retention
	}
	if r.Decisions == 0 {
		r.Decisions = defaultDecisions
	}
	if r.Pending == 0 {
		r.Pending = defaultPending
	}
	return r
}
