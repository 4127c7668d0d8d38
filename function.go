// Package function registers Sentinela's functions with the functions framework.
//
// It stands at the root because the Go buildpack builds the source root only, and it holds the one init of the
// repository because registration is what the framework asks of one. FUNCTION_TARGET chooses the function that a
// deployment serves.
package function

import (
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/sentinela-pix/sentinela/functions/alert"
	"github.com/sentinela-pix/sentinela/functions/audit"
	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/functions/label"
	"github.com/sentinela-pix/sentinela/functions/lazy"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/functions/score"
)

// Every function is an HTTP function: a Typed one would share a decoded value between concurrent requests, and a
// CloudEvent one would hide the status that tells Pub/Sub what to do. Nothing is opened here.
func init() {
	functions.HTTP(score.Name, lazy.Handler(score.Name, score.FromEnv))
	functions.HTTP(audit.Name, lazy.Handler(audit.Name, row.FromEnv(audit.Name, audit.Open)))
	functions.HTTP(alert.Name, lazy.Handler(alert.Name, row.FromEnv(alert.Name, alert.Open)))
	functions.HTTP(label.Name, lazy.Handler(label.Name, row.FromEnv(label.Name, label.Open)))
	functions.HTTP(export.Name, lazy.Handler(export.Name, export.FromEnv))
}
