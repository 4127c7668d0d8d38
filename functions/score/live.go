package score

import (
	"errors"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
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
	for _, role := range pix.Internal.Roles() {
		if m, err := a.ModelSet().Model(role); err == nil {
			s.Models = append(s.Models, live.Model{Role: role, Version: m.Version()})
		}
		for _, m := range a.ModelSet().Challengers(role) {
			s.Models = append(s.Models, live.Model{Role: role, Version: m.Version(), Challenger: true})
		}
	}
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
