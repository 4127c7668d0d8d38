package score

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/reload"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// followed is the models and the policy pack, kept at what is named while decisions go on.
type followed struct {
	watcher *reload.Watcher
	models  *reload.Models
	policy  *reload.Policy
}

// load opens where models and policy are kept, loads and proves them. A scorer without does not start.
func (a *App) load(ctx context.Context, c *Config) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var err error
	if a.followed.models, err = a.openModels(ctx, c); err != nil {
		return fmt.Errorf("models: %w", err)
	}
	if a.followed.policy, err = a.openPolicy(ctx, c); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	a.followed.watcher, err = reload.NewWatcher(reload.Config{
		Every: c.ReloadEvery, Registry: a.host.Metrics, OnEvent: a.reloaded,
	}, a.followed.models, a.followed.policy)
	if err != nil {
		return err
	}
	return a.followed.watcher.Load(ctx)
}

func (a *App) openModels(ctx context.Context, c *Config) (*reload.Models, error) {
	keys, err := signingKeys(c.ModelSigningKeys)
	if err != nil {
		return nil, err
	}
	artefacts := modelstore.FromFS(models.Shipped())
	if c.Models != "" {
		if artefacts, err = modelstore.Open(ctx, c.Models, a.host.Storage...); err != nil {
			return nil, err
		}
	}
	a.host.OnClose(func(context.Context) error { return artefacts.Close() })
	return reload.NewModels(reload.ModelsConfig{
		Store: artefacts, Roles: pix.Internal.Roles(),
		Contract: scoring.Contract{FeatureNames: a.features.Names(), FeatureSet: a.features.Version(), Keys: keys},
	})
}

// signingKeys reads who may sign models; nobody has to where no file is named.
func signingKeys(file string) (scoring.Keys, error) {
	if file == "" {
		return nil, nil
	}
	text, err := fs.ReadFile(modelstore.Files(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		return nil, fmt.Errorf("MODEL_SIGNING_KEYS: %w", err)
	}
	keys, err := scoring.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("MODEL_SIGNING_KEYS: %w", err)
	}
	return keys, nil
}

func (a *App) openPolicy(ctx context.Context, c *Config) (*reload.Policy, error) {
	file := modelstore.FileOf(policy.Shipped())
	if c.Policy != "" {
		var err error
		if file, err = modelstore.OpenFile(ctx, c.Policy, policy.MaxPackBytes, a.host.Storage...); err != nil {
			return nil, err
		}
	}
	a.host.OnClose(func(context.Context) error { return file.Close() })
	return reload.NewPolicy(file, a.features.Names()), nil
}

// reloaded logs what happened to models and policy: each change, and each failure once.
func (a *App) reloaded(e reload.Event) {
	log := a.host.Logger.With("version", e.Version, "before", e.Before)
	if e.Role != "" {
		log = log.With("role", string(e.Role), "use", string(e.Use))
	}
	switch {
	case e.Err == nil && e.Kind == "policy":
		log.Info("policy in force")
	case e.Err == nil:
		log.Info("model serves")
	case e.Unseen:
		log.Error(e.Kind+" cannot be looked for, the last good one goes on serving", "error", e.Err.Error())
	default:
		log.Error(e.Kind+" refused, the last good one goes on serving", "error", e.Err.Error())
	}
}

// Reloading tells, for the detail of readiness, whether models and policy are what is named. They take nobody out of
// service: what serves is sound, and every scorer looks at the same place.
func (a *App) Reloading() []lifecycle.Condition {
	w := a.followed.watcher
	return []lifecycle.Condition{
		{Name: "models_followed", Check: func() error { return w.Err(a.followed.models) }},
		{Name: "policy_followed", Check: func() error { return w.Err(a.followed.policy) }},
	}
}
