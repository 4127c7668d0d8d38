package score

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// watchModels opens the model store. A new version is proved and swapped in while decisions go on; what is refused is
// told once, and the last good version goes on serving.
func (a *App) watchModels(ctx context.Context, c *Config) (*modelstore.Watcher, error) {
	artefacts := modelstore.FromFS(models.Shipped())
	if c.Models != "" {
		var err error
		if artefacts, err = modelstore.Open(ctx, c.Models, a.host.Storage...); err != nil {
			return nil, fmt.Errorf("open model store: %w", err)
		}
	}
	a.host.OnClose(func(context.Context) error { return artefacts.Close() })
	w, err := modelstore.NewWatcher(modelstore.WatcherConfig{
		Store: artefacts, Roles: pix.Internal.Roles(), Every: c.ReloadEvery, Registry: a.host.Metrics, OnEvent: a.modelEvent,
		Contract: scoring.Contract{FeatureNames: a.features.Names(), FeatureSet: a.features.Version()},
	})
	if err != nil {
		return nil, fmt.Errorf("watch models: %w", err)
	}
	return w, nil
}

func (a *App) modelEvent(e modelstore.Event) {
	args := []any{"role", string(e.Role), "use", string(e.Use), "version", e.Version}
	if e.Err != nil {
		a.host.Logger.Error("model refused, the last good one goes on serving", append(args, "error", e.Err.Error())...)
		return
	}
	a.host.Logger.Info("model serves", append(args, "before", e.Before)...)
}

// policyWatcher keeps the pack in force at what its file says.
type policyWatcher struct {
	*policy.Set
	read    func(context.Context) ([]byte, error) // nil when the pack is the shipped one
	every   time.Duration
	logger  *slog.Logger
	current prometheus.Gauge
	swaps   prometheus.Counter
	refused prometheus.Counter
	told    string // the failure that was told last
}

// watchPolicy loads the pack. A new one is verified and swapped in while decisions go on; what is refused is told once,
// and the last good pack stays in force.
func (a *App) watchPolicy(ctx context.Context, c *Config) (*policyWatcher, error) {
	w := &policyWatcher{every: c.ReloadEvery, logger: a.host.Logger}
	w.current = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pix_policy_current", Help: "1 while the pack in force is what its file says, 0 while an older one is.",
	})
	w.swaps = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pix_policy_swaps_total", Help: "Policy packs that were verified and put in force.",
	})
	w.refused = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pix_policy_refusals_total",
		Help: "Policy packs that could not be read or loaded, each counted once until the file changes.",
	})
	r := a.host.Metrics
	if err := errors.Join(r.Register(w.current), r.Register(w.swaps), r.Register(w.refused)); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	data := policy.Shipped()
	if c.Policy != "" {
		if err := a.openPolicy(ctx, c.Policy, w); err != nil {
			return nil, err
		}
		var err error
		if data, err = w.read(ctx); err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
	}
	var err error
	if w.Set, err = policy.NewSet(data, a.features.Names()); err != nil {
		return nil, fmt.Errorf("load policy: %w", err)
	}
	w.current.Set(1)
	return w, nil
}

// openPolicy finds the pack's file: its directory is opened like a model store.
func (a *App) openPolicy(ctx context.Context, location string, w *policyWatcher) error {
	at := strings.LastIndexByte(location, '/')
	root, name := location[:at+1], location[at+1:]
	if root == "" {
		root = "."
	}
	files, err := modelstore.Open(ctx, root, a.host.Storage...)
	if err != nil {
		return fmt.Errorf("open policy's place: %w", err)
	}
	a.host.OnClose(func(context.Context) error { return files.Close() })
	w.read = func(ctx context.Context) ([]byte, error) {
		return files.ReadFile(ctx, path.Clean(name), policy.MaxPackBytes)
	}
	return nil
}

// Run looks for a new pack until ctx ends.
func (w *policyWatcher) Run(ctx context.Context) error {
	if w.read == nil {
		return nil
	}
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			w.look(ctx)
		}
	}
}

// look follows the file once. A failure is told when it is another than the last one.
func (w *policyWatcher) look(ctx context.Context) {
	before := w.Pack().Version()
	data, err := w.read(ctx)
	swapped := false
	if err == nil {
		swapped, err = w.Swap(data)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		w.current.Set(0)
		if w.told != err.Error() {
			w.told = err.Error()
			w.refused.Inc()
			w.logger.ErrorContext(ctx, "policy refused, the last good one stays in force",
				"policy_version", before, "error", err.Error())
		}
	default:
		w.current.Set(1)
		w.told = ""
		if swapped {
			w.swaps.Inc()
			w.logger.InfoContext(ctx, "policy in force", "policy_version", w.Pack().Version(), "before", before)
		}
	}
}
