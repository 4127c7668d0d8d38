package score

import (
	"context"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// stamps are what a message says of its payment's arrival.
type stamps struct {
	bridged   bool      // it is in the form that the bridge alone publishes
	arrivedAt time.Time // by a broker's clock, on the bridge's word; zero when only a producer says
	replay    bool      // believed where the subscription's own identity may replay
}

func stampsOf(e event.Envelope) stamps {
	s := stamps{bridged: event.FromBridge(e), replay: e.Attributes[event.AttrReplay] == event.ReplayTrue}
	if at, ok := event.ParseArrival(e.Attributes[event.AttrArrivedAt]); ok && s.bridged {
		s.arrivedAt = at
	}
	return s
}

// stamped is a live payment's arrival by a server's clock, from which its age counts. A question over HTTP has none, and of a
// payment that waited nobody knows for how long.
func stamped(a pix.Arrival) time.Time {
	if a.Replay || a.Waited {
		return time.Time{}
	}
	return a.At
}

// arrival is when the pushed payment reached us. A direct publisher's came when Pub/Sub took it. The bridge's came when a
// broker stamped it, or, where none did, at some time before Pub/Sub took it.
func (m *message) arrival(ctx context.Context) pix.Arrival {
	published := push.Published(ctx)
	a := pix.Arrival{At: published, Replay: m.stamps.replay && identity.From(ctx).Has(identity.Replay)}
	switch at := m.stamps.arrivedAt; {
	case !m.stamps.bridged:
	case at.IsZero() || !published.IsZero() && at.Sub(published) > pix.MaxClockSkew: // nothing arrives after it is sent on
		a.Waited = true
	default:
		a.At = at
	}
	return a
}
