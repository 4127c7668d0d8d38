package score

import (
	"errors"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/reload"
)

// Live serves the page on which people watch this process decide. It is for the port of operators.
func (a *App) Live(around live.Around) (http.Handler, error) { return a.feed.Handler(around) }

// EndLive ends the page's streams, for who stops a server that waits for its requests. What is decided afterwards is not
// shown.
func (a *App) EndLive() { a.feed.Close() }

// inUse is what decides at the moment, for the page.
func (a *App) inUse() live.Serving {
	pack := a.Policy()
	s := live.Serving{Policy: pack.Version(), Thresholds: pack.Thresholds()}
	eachModel(a.ModelSet(), func(role pix.Role, use reload.Use, version string) {
		s.Models = append(s.Models, live.Model{Role: role, Version: version, Challenger: use == reload.Challenger})
	})
	return s
}

// degraded hears of the engine's failures, for the metrics, the log and the page.
func (a *App) degraded(err error) {
	a.signals.degraded(err)
	var d *engine.DegradedError
	if errors.As(err, &d) {
		a.feed.Without(d.Part)
	}
}
