package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// word is what a person calls an outcome.
func word(o pix.Outcome) string {
	switch o {
	case pix.Approve:
		return "approved"
	case pix.Review:
		return "HELD"
	case pix.Block:
		return "BLOCKED"
	default:
		return "REJECTED"
	}
}

// narrator prints a bounded number of decisions in words, and progress lines. It is safe for concurrent use.
type narrator struct {
	mu        sync.Mutex
	out       io.Writer
	approvals int // approvals still to show
	others    int // other decisions still to show
	start     time.Time
}

// decision prints one decision with its score and reasons, as long as there is room for its sort.
func (n *narrator) decision(d *pix.Decision) {
	n.mu.Lock()
	defer n.mu.Unlock()
	room := &n.others
	if d.Outcome == pix.Approve {
		room = &n.approvals
	}
	if *room == 0 {
		return
	}
	*room--
	fmt.Fprintf(n.out, "  %s  %-8s %14s  %-8s  %s\n", d.ID(), word(d.Outcome), d.Transaction.Amount,
		strings.ToLower(string(d.Transaction.Direction)), scores(d))
	for _, r := range d.Reasons[:min(3, len(d.Reasons))] {
		fmt.Fprintf(n.out, "      · %s\n", r.TextEN)
	}
}

// line prints one line with the time since the demo began.
func (n *narrator) line(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.out, "%6.1f s  %s\n", time.Since(n.start).Seconds(), fmt.Sprintf(format, args...))
}

// scores writes each model's probability, the way the policy reads it.
func scores(d *pix.Decision) string {
	parts := make([]string, len(d.Scores))
	for i, s := range d.Scores {
		parts[i] = fmt.Sprintf("%s %.4f", s.Role, s.Probability)
	}
	return strings.Join(parts, ", ")
}
