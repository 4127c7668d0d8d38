package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
	_ "time/tzdata" // the zone must exist in a container without one

	"go.yaml.in/yaml/v3"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of a pack.
const (
	MaxPackBytes  = 256 << 10
	maxRules      = 200
	maxThresholds = 50
	maxHolds      = 50
	maxText       = 500    // bytes of a description, basis, source or reason
	maxHoldHours  = 7 * 24 // a slip of units, not a limit of law: those are in the pack
)

// Confidence says how sure we are of a rule's source.
type Confidence string

// Confidences: read in a public specification; read at second hand; our own choice.
const (
	FromSpec       Confidence = "spec"
	FromSecondHand Confidence = "second-hand"
	OurOwn         Confidence = "own"
)

// packFile is the YAML form of a pack.
type packFile struct {
	Version     string             `yaml:"version"`
	Description string             `yaml:"description"`
	Thresholds  map[string]float64 `yaml:"thresholds"`
	Fail        failFile           `yaml:"fail"`
	NoFeatures  failFile           `yaml:"fail_features_missing"`
	Holds       []holdFile         `yaml:"holds"`
	Rules       []ruleFile         `yaml:"rules"`
}

// failFile is the fail mode of one dependency.
type failFile struct {
	Outbound pix.Outcome `yaml:"OUTBOUND"`
	Inbound  pix.Outcome `yaml:"INBOUND"`
	Internal pix.Outcome `yaml:"INTERNAL"`
	ReasonPT string      `yaml:"reason_pt"`
	ReasonEN string      `yaml:"reason_en"`
}

type holdFile struct {
	EffectiveFrom string     `yaml:"effective_from"`
	LegalBasis    string     `yaml:"legal_basis"`
	Source        string     `yaml:"source"`
	Confidence    Confidence `yaml:"confidence"`
	DayFromHour   int        `yaml:"day_from_hour"`
	DayToHour     int        `yaml:"day_to_hour"`
	DayMinutes    int        `yaml:"day_minutes"`
	NightMinutes  int        `yaml:"night_minutes"`
	BlockHours    int        `yaml:"block_hours"`
}

type ruleFile struct {
	ID            string          `yaml:"id"`
	Description   string          `yaml:"description"`
	LegalBasis    string          `yaml:"legal_basis"`
	Source        string          `yaml:"source"`
	Confidence    Confidence      `yaml:"confidence"`
	EffectiveFrom string          `yaml:"effective_from"`
	EffectiveTo   string          `yaml:"effective_to"` // last day in force; empty for none
	Directions    []pix.Direction `yaml:"directions"`
	When          string          `yaml:"when"`
	Outcome       pix.Outcome     `yaml:"outcome"`
	Overridable   bool            `yaml:"overridable"`
	Lifts         []string        `yaml:"lifts"` // ids, of an allow rule (outcome APPROVE) only
	ReasonPT      string          `yaml:"reason_pt"`
	ReasonEN      string          `yaml:"reason_en"`
}

// Load reads, checks and compiles a pack. featureNames gives the order of Input.Vector and the names that rules may
// use. Every problem of the pack is reported at once, in an error of kind Invalid (TooLarge above MaxPackBytes).
func Load(data []byte, featureNames []string) (*Pack, error) {
	const op = "load policy"
	if len(data) > MaxPackBytes {
		return nil, pix.E(pix.TooLarge, op, fmt.Errorf("%d bytes, above %d", len(data), MaxPackBytes))
	}
	file, err := decode(data)
	if err != nil {
		return nil, pix.E(pix.Invalid, op, err)
	}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return nil, pix.E(pix.Unexpected, op, err)
	}
	p := &Pack{
		version:    file.Version + "@" + digest(data),
		fail:       file.Fail.mode(),
		noFeatures: file.NoFeatures.mode(),
		width:      len(featureNames),
		zone:       zone,
	}
	problems := file.check(featureNames)
	if len(problems) == 0 {
		problems = p.build(file, featureNames)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, pix.E(pix.Invalid, op, err)
	}
	return p, nil
}

// decode reads one YAML document and refuses fields it does not know, so that a misspelt one is not an ignored one.
func decode(data []byte) (*packFile, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var file packFile
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("yaml: %w", err)
	}
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("yaml: more than one document")
	}
	return &file, nil
}

func (f *failFile) mode() failMode {
	return failMode{
		outcomes: map[pix.Direction]pix.Outcome{pix.Outbound: f.Outbound, pix.Inbound: f.Inbound, pix.Internal: f.Internal},
		words:    pix.Reason{TextPT: f.ReasonPT, TextEN: f.ReasonEN},
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}

// build compiles what check has found well formed.
func (p *Pack) build(file *packFile, featureNames []string) []error {
	c, err := newCompiler(featureNames, file.Thresholds)
	if err != nil {
		return []error{err}
	}
	p.names, p.thresholds = c.names, file.Thresholds
	var problems []error
	used := map[string]bool{}
	index := map[string]int{}
	for i, r := range file.Rules {
		index[r.ID] = i
	}
	for i := range file.Rules {
		r, reads, err := c.rule(&file.Rules[i], index)
		if err != nil {
			problems = append(problems, fmt.Errorf("rule %s: %w", file.Rules[i].ID, err))
			continue
		}
		p.rules = append(p.rules, r)
		for name := range reads {
			used[name] = true
		}
	}
	for name := range file.Thresholds {
		if len(problems) == 0 && !used[thresholdPrefix+name] {
			problems = append(problems, fmt.Errorf("threshold %s: no rule reads it", name))
		}
	}
	p.holds = file.holds()
	return problems
}

// rule compiles one rule.
func (c *compiler) rule(f *ruleFile, index map[string]int) (rule, map[string]bool, error) {
	program, reads, err := c.compile(f.When)
	if err != nil {
		return rule{}, nil, err
	}
	r := rule{
		id: f.ID, legalBasis: f.LegalBasis, to: forever, directions: f.Directions, when: program,
		outcome: f.Outcome, overridable: f.Overridable, roles: roles(reads), usesHistories: usesHistories(reads),
		reason: pix.Reason{Code: f.ID, TextPT: f.ReasonPT, TextEN: f.ReasonEN},
	}
	if err := checkMarks(r.reason, reads); err != nil {
		return rule{}, nil, err
	}
	if r.from, err = parseDay(f.EffectiveFrom); err != nil {
		return rule{}, nil, fmt.Errorf("effective_from: %w", err)
	}
	if f.EffectiveTo != "" {
		if r.to, err = parseDay(f.EffectiveTo); err != nil {
			return rule{}, nil, fmt.Errorf("effective_to: %w", err)
		}
	}
	if r.to < r.from {
		return rule{}, nil, errors.New("effective_to: before effective_from")
	}
	for _, id := range f.Lifts {
		r.lifts = append(r.lifts, index[id])
	}
	return r, reads, nil
}

// holds converts the checked entries.
func (f *packFile) holds() []hold {
	out := make([]hold, 0, len(f.Holds))
	for _, h := range f.Holds {
		from, err := parseDay(h.EffectiveFrom)
		if err != nil {
			continue // check refused it
		}
		out = append(out, hold{
			from: from, dayFrom: h.DayFromHour, dayTo: h.DayToHour,
			byDay: time.Duration(h.DayMinutes) * time.Minute, byNight: time.Duration(h.NightMinutes) * time.Minute,
			block: time.Duration(h.BlockHours) * time.Hour,
		})
	}
	return out
}
