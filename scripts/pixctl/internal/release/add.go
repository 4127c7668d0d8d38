package release

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
)

// add copies what it verified, not what may stand in the directory a moment later.
func add(ctx context.Context, r request) (outcome, error) {
	dir, err := filepath.Abs(r.argument)
	if err != nil {
		return outcome{}, fmt.Errorf("find %s: %w", r.argument, err)
	}
	version, parent := filepath.Base(dir), filepath.Dir(dir)
	if filepath.Base(parent) != string(r.role) {
		return outcome{}, command.Usagef("model add: the directory must be named PATH/%s/VERSION", r.role)
	}
	root := modelstore.FromFS(modelstore.Files(filepath.Dir(parent)))
	artefact, err := root.LoadVersion(ctx, r.role, version)
	if err != nil {
		return outcome{}, err
	}
	if err := r.wouldServe(artefact); err != nil {
		return outcome{}, err
	}
	if err := r.store.Add(ctx, artefact); err != nil {
		return outcome{}, err
	}
	done, err := current(ctx, r)
	if err != nil {
		return outcome{}, err
	}
	done.Added = version
	done.sentence = fmt.Sprintf("%s/%s is in the store; %s", r.role, version, done.sentence)
	return done, nil
}

func current(ctx context.Context, r request) (outcome, error) {
	p, err := r.store.Current(ctx, r.role)
	if err != nil {
		return outcome{}, err
	}
	shadow, err := r.store.Challengers(ctx, r.role)
	if err != nil {
		return outcome{}, err
	}
	done := outcome{Role: r.role, Version: p.Versions[0], Challengers: shadow.Versions}
	done.sentence = fmt.Sprintf("%s/%s is in force", r.role, done.Version)
	if len(p.Versions) > 1 {
		done.Before = p.Versions[1]
		done.sentence += ", before it was " + done.Before
	}
	if len(shadow.Versions) > 0 {
		done.sentence += "; in shadow: " + strings.Join(shadow.Versions, ", ")
	}
	return done, nil
}
