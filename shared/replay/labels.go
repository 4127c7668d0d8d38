package replay

import (
	"bufio"
	"bytes"
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
func ReadLabels(r io.Reader) (*Labels, Malformed, error) {
	var labels []pix.Label
	var malformed Malformed
	in := bufio.NewReaderSize(r, readBuffer)
	for number := 1; ; number++ {
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLineTooLong) {
			return nil, malformed, fmt.Errorf("replay: read labels: %w", err)
		}
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
			label, bad := event.DecodeLabel(event.Envelope{Data: trimmed}, farFuture())
			if bad != nil {
				malformed.add(number, bad)
			} else {
				labels = append(labels, label)
			}
		}
		if errors.Is(err, errLineTooLong) {
			malformed.add(number, err)
		}
		if errors.Is(err, io.EOF) {
			return NewLabels(labels), malformed, nil
		}
	}
}
