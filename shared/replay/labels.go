package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Labels holds the label in force of each payment: of several the one that arrived last.
type Labels map[pix.EndToEndID]pix.Label

// ReadLabels reads labels in wire JSON, one a line. Malformed lines are returned as problems and left out. Labels are
// few (fraud is some in 100,000 payments), so all of them are kept.
func ReadLabels(r io.Reader) (Labels, []Problem, error) {
	labels := Labels{}
	var problems []Problem
	in := bufio.NewReaderSize(r, readBuffer)
	for number := 1; ; number++ {
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLineTooLong) {
			return nil, nil, fmt.Errorf("replay: read labels: %w", err)
		}
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
			if bad := labels.add(trimmed); bad != nil {
				problems = append(problems, Problem{Line: number, Err: bad})
			}
		}
		if errors.Is(err, errLineTooLong) {
			problems = append(problems, Problem{Line: number, Err: err})
		}
		if errors.Is(err, io.EOF) {
			return labels, problems, nil
		}
	}
}

func (l Labels) add(line []byte) error {
	label, err := event.DecodeLabel(event.Envelope{Data: line})
	if err != nil {
		return err
	}
	if old, ok := l[label.ID]; !ok || label.ArrivedAt.After(old.ArrivedAt) {
		l[label.ID] = label
	}
	return nil
}
