package stack_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// aftermath publishes what became of payments, to the pipeline and to the reference alike, and waits until each has
// taken effect: the pipeline itself promises no order between a status and the payments after it.
type aftermath struct {
	t         *testing.T
	stack     *stack.Stack
	reference *enginetest.Reference
	seen      int
	labels    int
}

func newAftermath(t *testing.T, s *stack.Stack, r *enginetest.Reference) *aftermath {
	t.Helper()
	return &aftermath{t: t, stack: s, reference: r}
}

// follow settles the decided payments of a wave, returns a part of some, and reports some as fraud, each message twice.
func (a *aftermath) follow(wave []*pix.Decision) {
	a.t.Helper()
	for _, d := range wave {
		a.seen++
		tx := &d.Transaction
		state := pix.Status{ID: tx.ID, EventTime: tx.EventTime, State: pix.Settled, OccurredAt: tx.EventTime.Add(time.Second)}
		if a.seen%7 == 0 {
			state.State, state.ReasonCode = pix.Rejected, "AB03"
		}
		a.status(&state)
		if a.seen%5 == 0 && state.State == pix.Settled {
			state.State, state.ReturnID, state.Returned = pix.Returned, fmt.Sprintf("D99000001202601010000%011d", a.seen), tx.Amount/2+1
			a.status(&state)
		}
		if a.seen%11 == 0 {
			a.labels++
			a.label(&pix.Label{
				ID: tx.ID, EventTime: tx.EventTime, ArrivedAt: tx.EventTime.Add(time.Minute), Fraud: a.seen%2 == 0, Source: "MED", Amount: tx.Amount,
			})
		}
	}
	await(a.t, "statuses and labels of a wave", func() bool { return a.stack.Outstanding() == 0 })
}

// unknown reports a payment that was never decided here: its row must come about all the same.
func (a *aftermath) unknown() {
	a.t.Helper()
	a.labels++
	at := time.Now().UTC().AddDate(0, 0, -1).Truncate(time.Second)
	a.publish(stack.LabelsTopic, func() (event.Envelope, error) {
		return event.EncodeLabel(&pix.Label{ID: "E99000001202601010000neverseen00", EventTime: at, ArrivedAt: at.Add(time.Hour), Fraud: true, Source: "MED"})
	})
}

func (a *aftermath) status(s *pix.Status) {
	a.t.Helper()
	a.publish(stack.TransactionsTopic, func() (event.Envelope, error) { return event.EncodeStatus(s) })
	if !a.reference.Status(s) {
		a.t.Fatalf("the reference does not know %s", s.ID)
	}
}

func (a *aftermath) label(l *pix.Label) {
	a.t.Helper()
	a.publish(stack.LabelsTopic, func() (event.Envelope, error) { return event.EncodeLabel(l) })
	if !a.reference.Fraud(l) {
		a.t.Fatalf("the reference does not know %s", l.ID)
	}
}

func (a *aftermath) publish(topic string, encode func() (event.Envelope, error)) {
	a.t.Helper()
	e, err := encode()
	if err != nil {
		a.t.Fatal(err)
	}
	for range 2 {
		if err := a.stack.Bus.Publish(a.t.Context(), topic, e); err != nil {
			a.t.Fatal(err)
		}
	}
}

// missing waits for the rows of all labels and returns how many are missing.
func (a *aftermath) missing(t *testing.T, s *stack.Stack) int {
	t.Helper()
	await(t, "label rows", func() bool { return s.Outstanding() == 0 })
	return a.labels - len(column(t, s, "labels_latest", "end_to_end_id"))
}

// auditedVectors reads every vector back from BigQuery, NULL as NaN.
func auditedVectors(t *testing.T, s *stack.Stack) map[pix.EndToEndID][]float64 {
	t.Helper()
	sql := "SELECT end_to_end_id, TO_JSON_STRING(vector) FROM `" + s.Reader.Dataset() +
		".decisions_latest` WHERE event_time > TIMESTAMP '2020-01-01 00:00:00+00'"
	answer, err := s.Reader.Query(t.Context(), sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	vectors := map[pix.EndToEndID][]float64{}
	for _, row := range answer.Rows {
		var list []*float64
		if err := json.Unmarshal([]byte(row[1]), &list); err != nil {
			t.Fatal(err)
		}
		vector := make([]float64, len(list))
		for i, f := range list {
			if vector[i] = math.NaN(); f != nil {
				vector[i] = *f
			}
		}
		vectors[pix.EndToEndID(row[0])] = vector
	}
	return vectors
}
