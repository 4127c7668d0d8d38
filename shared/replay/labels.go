package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Labels holds what became known of payments afterwards. Labels are few (fraud is some in 100,000 payments), so all of
// them are kept.
type Labels struct {
	arrivals []pix.Label // in order of arrival
	inForce  map[pix.EndToEndID]int
}

// NewLabels orders labels by arrival, those that arrived together as they are given.
func NewLabels(labels []pix.Label) *Labels {
	l := &Labels{arrivals: slices.Clone(labels), inForce: map[pix.EndToEndID]int{}}
	slices.SortStableFunc(l.arrivals, func(a, b pix.Label) int {
		return cmp.Compare(a.ArrivedAt.UnixNano(), b.ArrivedAt.UnixNano())
	})
	for i := range l.arrivals {
		l.inForce[l.arrivals[i].ID] = i
	}
	return l
}

// InForce returns the label of a payment that arrived last, nil when none ever did.
func (l *Labels) InForce(id pix.EndToEndID) *pix.Label {
	if l == nil {
		return nil
	}
	i, ok := l.inForce[id]
	if !ok {
		return nil
	}
	return &l.arrivals[i]
}

// ReadLabels reads labels in wire JSON, one a line. Malformed lines are counted and left out. A log has no present: a
// label takes effect when the log gets to its arrival.
func ReadLabels(in Lines) (*Labels, Malformed, error) {
	var labels []pix.Label
	var malformed Malformed
	for {
		line, number, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return NewLabels(labels), malformed, nil
		case err != nil:
			return nil, malformed, fmt.Errorf("replay: read labels: %w", err)
		case line == nil:
			malformed.add(number, errLineTooLong)
			continue
		}
		label, bad := event.DecodeLabel(event.Envelope{Data: line}, farFuture())
		if bad != nil {
			malformed.add(number, bad)
			continue
		}
		labels = append(labels, label)
	}
}

// Payments is how many payments have a label.
func (l *Labels) Payments() int { return len(l.inForce) }
