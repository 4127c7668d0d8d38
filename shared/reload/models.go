package reload

import (
	"context"
	"errors"
	"fmt"

	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// ModelsConfig is what following models needs.
type ModelsConfig struct {
	Store *modelstore.Store
	Roles []pix.Role
	// Contract is what a model of any role must fit; role and version are filled in.
	Contract scoring.Contract
	Limits   scoring.Limits // scoring.DefaultLimits when zero
}

// Models is the models of roles: of each the champion and its challengers.
type Models struct {
	cfg ModelsConfig
	set scoring.Set
}

// NewModels returns models none of which was loaded yet.
func NewModels(cfg ModelsConfig) (*Models, error) {
	if cfg.Store == nil || len(cfg.Roles) == 0 || len(cfg.Contract.FeatureNames) == 0 {
		return nil, pix.E(pix.Invalid, "follow models", errors.New("store, roles and the feature list must be given"))
	}
	if cfg.Limits == (scoring.Limits{}) {
		cfg.Limits = scoring.DefaultLimits()
	}
	return &Models{cfg: cfg}, nil
}

// Set returns what a watcher keeps up to date.
func (m *Models) Set() *scoring.Set { return &m.set }

func (m *Models) name() string      { return "models" }
func (m *Models) metrics() *metrics { return newMetrics("model", "role", "use") }

func (m *Models) subjects(counts *metrics) []*subject {
	var all []*subject
	for _, role := range m.cfg.Roles {
		for _, use := range []Use{Champion, Challenger} {
			s := &subject{
				Subject: Subject{Kind: "model", Role: role, Use: use}, series: counts.of(string(role), string(use)),
				needed: use == Champion, read: m.champion(role),
			}
			if use == Challenger {
				s.read = m.challengers(role)
			}
			all = append(all, s)
		}
	}
	return all
}

func (m *Models) missing() error {
	var missing []error
	for _, role := range m.cfg.Roles {
		_, err := m.set.Model(role)
		missing = append(missing, err)
	}
	return errors.Join(missing...)
}

// serving names the champion, empty when there is none.
func (m *Models) serving(role pix.Role) string {
	if champion, err := m.set.Model(role); err == nil {
		return champion.Version()
	}
	return ""
}

func (m *Models) champion(role pix.Role) func(context.Context) (named, error) {
	return func(ctx context.Context) (named, error) {
		p, err := m.cfg.Store.Current(ctx, role)
		if err != nil {
			return named{}, err
		}
		load := func(ctx context.Context) change { return m.loadChampion(ctx, role, p.Versions) }
		return named{p.Key(), load}, nil
	}
}

// loadChampion loads and proves the version in force. A process that has no model yet takes the newest sound one of
// those before it.
func (m *Models) loadChampion(ctx context.Context, role pix.Role, versions []string) change {
	c := change{before: m.serving(role)}
	if c.before == versions[0] {
		return c
	}
	if c.before != "" {
		versions = versions[:1]
	}
	for _, version := range versions {
		model, err := m.load(ctx, role, version)
		if err != nil {
			c.refused = append(c.refused, refusal{version, err})
			continue
		}
		c.fresh = []string{version}
		c.swap = func() error {
			_, err := m.set.Swap(model)
			return err
		}
		break
	}
	return c
}

// challengers is what a list of challengers means beside the champion that serves.
func (m *Models) challengers(role pix.Role) func(context.Context) (named, error) {
	return func(ctx context.Context) (named, error) {
		p, err := m.cfg.Store.Challengers(ctx, role)
		if err != nil {
			return named{}, err
		}
		champion := m.serving(role)
		load := func(ctx context.Context) change { return m.loadChallengers(ctx, role, champion, p.Versions) }
		return named{p.Key() + " beside " + champion, load}, nil
	}
}

// loadChallengers loads what is new among the challengers, and drops what is no longer named.
func (m *Models) loadChallengers(ctx context.Context, role pix.Role, champion string, versions []string) change {
	if len(versions) > modelstore.MaxChallengers {
		return change{refused: []refusal{{"", pix.E(pix.TooLarge, "load challengers",
			fmt.Errorf("%d challengers are more than the limit of %d", len(versions), modelstore.MaxChallengers))}}}
	}
	loaded := map[string]*scoring.Model{}
	for _, model := range m.set.Challengers(role) {
		loaded[model.Version()] = model
	}
	var c change
	var next []*scoring.Model
	seen := map[string]bool{champion: true} // it scores already
	for _, version := range versions {
		if seen[version] {
			continue
		}
		seen[version] = true
		model, known := loaded[version]
		if !known {
			var err error
			if model, err = m.load(ctx, role, version); err != nil {
				c.refused = append(c.refused, refusal{version, err})
				continue
			}
			c.fresh = append(c.fresh, version)
		}
		next = append(next, model)
	}
	c.swap = func() error { return m.set.SetChallengers(role, next) }
	return c
}

func (m *Models) load(ctx context.Context, role pix.Role, version string) (*scoring.Model, error) {
	artefact, err := m.cfg.Store.LoadVersion(ctx, role, version)
	if err != nil {
		return nil, err
	}
	contract := m.cfg.Contract
	contract.Role, contract.Version = role, version
	model, err := scoring.Load(artefact, m.cfg.Limits, contract)
	if err != nil {
		return nil, fmt.Errorf("%s model %s: %w", role, version, err)
	}
	return model, nil
}
