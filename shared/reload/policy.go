package reload

import (
	"context"
	"errors"

	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// Policy is the policy pack.
type Policy struct {
	file     *modelstore.File
	features []string
	set      policy.Set
}

// NewPolicy returns the pack in a file, not loaded yet. Features are those of policy.Load.
func NewPolicy(file *modelstore.File, features []string) *Policy {
	return &Policy{file: file, features: features}
}

// Set returns what a watcher keeps up to date.
func (p *Policy) Set() *policy.Set { return &p.set }

func (p *Policy) name() string      { return "policy" }
func (p *Policy) metrics() *metrics { return newMetrics("policy") }

func (p *Policy) subjects(counts *metrics) []*subject {
	return []*subject{{Subject: Subject{Kind: "policy"}, series: counts.of(), needed: true, read: p.read}}
}

func (p *Policy) missing() error {
	if p.set.Pack() == nil {
		return pix.E(pix.Unavailable, "policy", errors.New("no pack is loaded"))
	}
	return nil
}

func (p *Policy) read(ctx context.Context) (named, error) {
	data, mark, err := p.file.Read(ctx)
	if err != nil {
		return named{}, err
	}
	return named{mark, func(context.Context) change { return p.load(data) }}, nil
}

func (p *Policy) load(data []byte) change {
	next, err := policy.Load(data, p.features)
	if err != nil {
		return change{refused: []refusal{{"", err}}}
	}
	var before string
	if pack := p.set.Pack(); pack != nil {
		before = pack.Version()
	}
	if next.Version() == before { // the same file was written again
		return change{}
	}
	return change{
		fresh: []string{next.Version()}, before: before,
		swap: func() error { p.set.Swap(next); return nil },
	}
}
