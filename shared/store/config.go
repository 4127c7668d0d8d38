package store

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

// Config says where the table is. Zero values take the defaults named beside them.
type Config struct {
	ProjectID  string
	InstanceID string
	// Table is the one table: DefaultTable.
	Table string
	// AppProfile must route to a single cluster; empty is the instance's default profile.
	AppProfile string
	// CallTimeout bounds every call with the client's own retries, within the caller's deadline: 2 s.
	CallTimeout time.Duration
	// Clock is the wall clock that tells late events and stamps marks: time.Now.
	Clock func() time.Time
	// Metrics receives pix_store_*; nil means none.
	Metrics prometheus.Registerer
	// Degraded hears of upkeep that failed and is tried again; may be nil.
	Degraded func(error)

	tuning tuning
}

// tuning holds the figures of docs/adr/0008-hot-streams.md. Only tests change them.
type tuning struct {
	busy      int           // events in 30 days from which a stream gets tiles
	hotDelay  time.Duration // from a promotion to the first event in a bucket row
	lateAfter time.Duration // age from which an event may have missed its tile
	sealLag   time.Duration // age from which a bucket is sealed
	finalLag  time.Duration // age at which a bucket is looked at once more
	sealBatch int           // raw cells behind the watermark that make sealing worth while
	maxCells  int           // of one read

	fastEvents int           // in ten seconds from which a stream is fast
	fastDelay  time.Duration // hotDelay of a fast stream
	fastLate   time.Duration // lateAfter of a fast stream
	fastSeal   time.Duration // sealLag of a fast stream

	maxHot int // streams in the index
}

func defaultTuning() tuning {
	return tuning{
		busy: feature.BusyEvents, hotDelay: 5 * time.Minute, lateAfter: 30 * time.Second, sealLag: time.Minute,
		finalLag: 10 * time.Minute, sealBatch: 256, maxCells: 40_000, maxHot: 100_000,
		fastEvents: 250, fastDelay: time.Second, fastLate: 500 * time.Millisecond, fastSeal: 2500 * time.Millisecond,
	}
}

// Retention says how long the table keeps what. Zero values take the defaults named beside them.
type Retention struct {
	Events    time.Duration // 31 days: the longest window and a day for late events; of tiles too
	Decisions time.Duration // 90 days, from the moment of the decision
	Marks     time.Duration // 400 days, from the arrival of a report of fraud
	Pending   time.Duration // 7 days: as long as Pub/Sub retains an undelivered message
}

// DefaultTable is the table's name in a deployment that says nothing else.
const DefaultTable = "pix"

const (
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
		c.Table = DefaultTable
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = defaultCallTimeout
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Degraded == nil {
		c.Degraded = func(error) {}
	}
	if c.tuning == (tuning{}) {
		c.tuning = defaultTuning()
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
	if r.Marks == 0 {
		r.Marks = feature.MarkRetention
	}
	if r.Pending == 0 {
		r.Pending = defaultPending
	}
	return r
}
