package score

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// kindNotDecided is the answer to who looks for what nobody decided.
const kindNotDecided = "not_decided"

// standing serves GET /v1/decisions/{EndToEndId}: what POST would answer to the payment that is decided, and nothing else. It
// decides nothing and publishes nothing. While the store is away nobody can say what stands, and so it does not.
func (s *Service) standing(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		s.metrics.answered(operationStanding, resultMethod)
		problem.NotAllowed(w, http.MethodGet)
		return
	}
	ctx, span := s.startSpan(r.Context(), r.Header.Get(event.AttrTraceparent), "GET /v1/decisions/{EndToEndId}")
	defer span.End()
	s.respond(ctx, w, operationStanding, func() (*reply, error) { return s.standingFor(ctx, r) })
}

func (s *Service) standingFor(ctx context.Context, r *http.Request) (*reply, error) {
	form, err := formOf(r)
	if err != nil {
		return nil, err
	}
	id, err := pix.ParseEndToEndID(strings.TrimPrefix(r.URL.Path, standingPath))
	if err != nil {
		return nil, fmt.Errorf("standing decision: %w", err)
	}
	d, err := s.deps.Engine.Standing(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("standing decision: %w", err)
	}
	if d == nil {
		return nil, &problem.Problem{
			Status: http.StatusNotFound, Kind: kindNotDecided,
			Detail: "No decision stands for this endToEndId, so nothing is approved. Post the payment to get one.",
		}
	}
	return form.reply(d)
}
