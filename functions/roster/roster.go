// Package roster is the table of the functions: function.go registers what it says with the functions framework, and the
// functions' own image serves it.
package roster

import (
	"context"
	"maps"
	"slices"

	"github.com/sentinela-pix/sentinela/functions/alert"
	"github.com/sentinela-pix/sentinela/functions/audit"
	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/label"
	"github.com/sentinela-pix/sentinela/functions/process"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/functions/score"
)

// Build opens a function from the environment.
type Build func(context.Context, host.Env) (process.Function, error)

// Plain opens a function on Google Cloud's defaults.
func (b Build) Plain(ctx context.Context) (process.Function, error) { return b(ctx, host.Env{}) }

// Functions are what builds each function, by the name that FUNCTION_TARGET chooses it by.
func Functions() map[string]Build {
	return map[string]Build{
		score.Name:  of(score.FromEnv),
		audit.Name:  of(row.FromEnv(audit.Name, audit.Open)),
		alert.Name:  of(row.FromEnv(alert.Name, alert.Open)),
		label.Name:  of(row.FromEnv(label.Name, label.Open)),
		export.Name: of(export.FromEnv),
	}
}

// Names are the functions' names, sorted.
func Names() []string { return slices.Sorted(maps.Keys(Functions())) }

func of[F process.Function](build func(context.Context, host.Env) (F, error)) Build {
	return func(ctx context.Context, env host.Env) (process.Function, error) { return build(ctx, env) }
}
