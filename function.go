// Package function registers Sentinela's functions with the functions framework.
//
// It stands at the root because the Go buildpack builds the source root only, and it holds the one init of the
// repository because registration is what the framework asks of one. FUNCTION_TARGET chooses the function that a
// deployment serves.
package function

import (
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/sentinela-pix/sentinela/functions/lazy"
	"github.com/sentinela-pix/sentinela/functions/roster"
)

// Every function is an HTTP function: a Typed one would share a decoded value between concurrent requests, and a
// CloudEvent one would hide the status that tells Pub/Sub what to do. Nothing is opened here.
func init() {
	for name, build := range roster.Functions() {
		functions.HTTP(name, lazy.Handler(name, build.Plain))
	}
}
