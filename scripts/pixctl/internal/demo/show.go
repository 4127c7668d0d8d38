package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// How many decisions are told in words; the rest is counted.
const (
	shownApprovals = 3
	shownOthers    = 12
)

// show is what a person sees, and the ledger behind it. It is safe for concurrent use.
type show struct {
	*narrator
	ledger *ledger

	mu       sync.Mutex
	buriedBy map[string]int // dead letters by reason
	example  *pix.Decision  // the held payment with the highest score, for the investigation
	first    time.Time      // when the first decision was seen
	last     time.Time      // when the last new one was
}

func newShow(out io.Writer, o options) *show {
	return &show{
		narrator: &narrator{out: out, approvals: shownApprovals, others: shownOthers, start: time.Now()},
		ledger:   newLedger(o.payments),
		buriedBy: map[string]int{},
	}
}

// decided takes a decision from the topic.
func (s *show) decided(e event.Envelope) {
	d, err := event.DecodeDecision(e, time.Now())
	if err != nil {
		s.line("a decision could not be read: %v", err)
		return
	}
	if !s.ledger.decide(&d) {
		return
	}
	s.decision(&d)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	if s.first.IsZero() {
		s.first = s.last
	}
	if d.Outcome != pix.Approve && (s.example == nil || highest(&d) > highest(s.example)) {
		s.example = &d
	}
}

// buried takes a message from the dead-letter topic.
func (s *show) buried(e event.Envelope) {
	reason := e.Attributes[event.AttrDeadLetterReason]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buriedBy[reason] += e.Records(); s.buriedBy[reason] == e.Records() {
		s.line("dead letter: %s; its attributes say why: %.90s…", reason, e.Attributes[event.AttrDeadLetterDetail])
	}
}

func (s *show) deadLetters() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, k := range s.buriedBy {
		n += k
	}
	return n
}

// lastDecision returns when the newest decision was seen.
func (s *show) lastDecision() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
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
	fmt.Fprintf(n.out, "          %-8s %14s  %-8s  %s  %s\n", word(d.Outcome), d.Transaction.Amount.English(),
		strings.ToLower(string(d.Transaction.Direction)), d.ID(), scores(d))
	for _, r := range d.Reasons[:min(3, len(d.Reasons))] {
		fmt.Fprintf(n.out, "                   because %s\n", r.TextEN)
	}
}

// line prints one line with the time since the demo began.
func (n *narrator) line(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.out, "%6.1f s  %s\n", time.Since(n.start).Seconds(), fmt.Sprintf(format, args...))
}

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

// scores writes each model's probability, the way the policy reads it.
func scores(d *pix.Decision) string {
	parts := make([]string, len(d.Scores))
	for i, s := range d.Scores {
		parts[i] = fmt.Sprintf("%s %.4f", s.Role, s.Probability)
	}
	return strings.Join(parts, ", ")
}

// highest is the largest probability of a decision, 0 when nothing scored.
func highest(d *pix.Decision) float64 {
	top := 0.0
	for _, s := range d.Scores {
		top = max(top, s.Probability)
	}
	return top
}
