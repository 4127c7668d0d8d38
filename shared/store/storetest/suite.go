package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Factory opens an empty store whose marks are stamped by the clock. It cleans up with the test.
type Factory func(t *testing.T, clock func() time.Time) engine.Store

// Run runs the whole suite.
func Run(t *testing.T, open Factory) {
	t.Helper()
	hold(t, open, map[string]law{
		"nothing is known at first":                   nothingKnown,
		"what is recorded is read":                    recordedIsRead,
		"recording again changes nothing":             recordTwice,
		"order does not matter":                       anyOrder,
		"the later of two payments sees the earlier":  laterSeesEarlier,
		"the first decision stands":                   firstDecisionStands,
		"one of many racing decisions wins":           oneWinner,
		"marks and the minutes they lie in":           pending,
		"values are swapped, never overwritten":       values,
		"a sweep resolves all that can be resolved":   sweeps,
		"an unrecorded decision has a mark":           unrecordedIsMarked,
		"rows join over a token rotation":             rotation,
		"a rotated redelivery is one event":           rotatedRedelivery,
		"an ended context is an error":                endedContext,
		"absent entities are fine":                    absentEntities,
		"statuses count once, in any order":           statusesOnce,
		"a status of nothing is nothing":              statusOfNothing,
		"of several reports the newest counts":        newestReportCounts,
		"the earliest event is the first":             earliestIsFirst,
		"old facts survive a token rotation":          oldFactsSurviveRotation,
		"the end of a token rotation forgets nothing": rotationEnds,
		"vectors equal the model's":                   walk,
		"edges of windows are exact":                  windowEdges,
		"no vector sees its own future":               ownFutureIsUnseen,
		"a conflicting payment leaves no trace":       conflicts,
	})
}

// law is what every store must do.
type law func(t *testing.T, open Factory)

// hold tests each law as a subtest, all at once.
func hold(t *testing.T, open Factory, laws map[string]law) {
	t.Helper()
	for name, holds := range laws {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			holds(t, open)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// events lists what a payment leaves behind, as the reader of its own rows finds it.
func events(txs ...pix.Transaction) (out, in, use []feature.Event) {
	for i := range txs {
		for _, w := range feature.Writes(&txs[i]) {
			switch w.Family {
			case feature.FamilyOut:
				if w.Row == feature.Rows(&txs[i]).Payer.Current {
					out = append(out, w.Event)
				}
			case feature.FamilyIn:
				in = append(in, w.Event)
			default:
				use = append(use, w.Event)
			}
		}
	}
	return out, in, use
}

// raw is the events of a history.
type raw struct{ Out, In, Use []feature.Event }

func rawOf(h feature.History) raw { return raw{h.Out.Events, h.In.Events, h.Use.Events} }

func read(t *testing.T, s engine.Store, tx pix.Transaction) feature.Histories {
	t.Helper()
	h, _, err := s.Read(t.Context(), &tx)
	must(t, err)
	return h
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func nothingKnown(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx := Payment(1, 10, 20)
	h, d, err := s.Read(t.Context(), &tx)
	must(t, err)
	same(t, "histories", feature.Histories{}, h)
	if d != nil {
		t.Errorf("a decision stands: %v", d.ID())
	}
	if d, err = s.Decision(t.Context(), tx.ID); d != nil || err != nil {
		t.Errorf("Decision = %v, %v", d, err)
	}
}

func recordedIsRead(t *testing.T, open Factory) {
	s := open(t, time.Now)
	first, back := Payment(1, 10, 20), Payment(2, 20, 10)
	must(t, s.Record(t.Context(), &first))
	must(t, s.Record(t.Context(), &back))
	h := read(t, s, back)
	outFirst, inFirst, useFirst := events(first)
	outBack, inBack, useBack := events(back)
	same(t, "payer", raw{Out: outBack, In: inFirst}, rawOf(h.Payer))
	same(t, "payee", raw{Out: outFirst, In: inBack}, rawOf(h.Payee))
	same(t, "device", raw{Use: append(useFirst, useBack...)}, rawOf(h.Device))
}

func recordTwice(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx := Payment(1, 10, 20)
	for range 3 {
		must(t, s.Record(t.Context(), &tx))
	}
	out, in, use := events(tx)
	h := read(t, s, tx)
	same(t, "payer", raw{Out: out}, rawOf(h.Payer))
	same(t, "payee", raw{In: in}, rawOf(h.Payee))
	same(t, "device", raw{Use: use}, rawOf(h.Device))
}

func anyOrder(t *testing.T, open Factory) {
	s := open(t, time.Now)
	var txs []pix.Transaction
	for n := range 40 {
		tx := Payment(n, 10, 20+n%3)
		tx.EventTime = Start().Add(time.Duration(n/2) * time.Millisecond) // two in every instant
		txs = append(txs, tx)
	}
	shuffled := append([]pix.Transaction(nil), txs...)
	rand.New(rand.NewPCG(4, 2)).Shuffle(len(shuffled), func(i, j int) {
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	})
	for i := range shuffled {
		must(t, s.Record(t.Context(), &shuffled[i]))
	}
	out, _, use := events(txs...)
	h := read(t, s, txs[0])
	same(t, "payer", out, h.Payer.Out.Events)
	same(t, "device", use, h.Device.Use.Events)
	if len(h.Payee.In.Events) != 14 {
		t.Errorf("payee has %d events, want 14", len(h.Payee.In.Events))
	}
}

func laterSeesEarlier(t *testing.T, open Factory) {
	s := open(t, time.Now)
	for round := range 20 {
		pair := [2]pix.Transaction{Payment(2*round, 100+round, 20), Payment(2*round+1, 100+round, 30)}
		var seen [2]int
		var group sync.WaitGroup
		for i := range pair {
			group.Go(func() {
				if err := s.Record(t.Context(), &pair[i]); err != nil {
					t.Error(err)
				}
				h, _, err := s.Read(t.Context(), &pair[i])
				if err != nil {
					t.Error(err)
				}
				seen[i] = len(h.Payer.Out.Events)
			})
		}
		group.Wait()
		if max(seen[0], seen[1]) != 2 || min(seen[0], seen[1]) < 1 {
			t.Fatalf("round %d: the two concurrent payments saw %v events, want own always and at least one both", round, seen)
		}
	}
}

func firstDecisionStands(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx := Payment(1, 10, 20)
	first := Decision(&tx, "first")
	won, err := s.Commit(t.Context(), first)
	must(t, err)
	same(t, "winner", Trace("first"), won.TraceID)
	second := Decision(&tx, "second")
	second.Outcome = pix.Approve
	stands, err := s.Commit(t.Context(), second)
	must(t, err)
	_, inRead, err := s.Read(t.Context(), &tx)
	must(t, err)
	alone, err := s.Decision(t.Context(), tx.ID)
	must(t, err)
	for what, d := range map[string]*pix.Decision{"Commit": stands, "Read": inRead, "Decision": alone} {
		if d == nil {
			t.Fatalf("%s: no decision stands", what)
		}
		same(t, what, Trace("first"), d.TraceID)
		same(t, what, pix.Review, d.Outcome)
		same(t, what, tx.ID, d.ID())
		same(t, what, first.Vector, d.Vector)
		same(t, what, first.Reasons, d.Reasons)
		same(t, what, tx.Payer, d.Transaction.Payer)
		if !d.DecidedAt.Equal(first.DecidedAt) {
			t.Errorf("%s: decided at %v, want %v", what, d.DecidedAt, first.DecidedAt)
		}
	}
}

func oneWinner(t *testing.T, open Factory) {
	const racers = 24
	s := open(t, time.Now)
	tx := Payment(1, 10, 20)
	got := make([]string, racers)
	winners := make([]bool, racers)
	var group sync.WaitGroup
	for i := range racers {
		group.Go(func() {
			mine := Decision(&tx, fmt.Sprintf("racer %d", i))
			d, err := s.Commit(t.Context(), mine)
			if err != nil {
				t.Error(err)
				return
			}
			got[i], winners[i] = d.TraceID, d.TraceID == mine.TraceID
		})
	}
	group.Wait()
	wins := 0
	for i := range racers {
		same(t, "what stands", got[0], got[i])
		if winners[i] {
			wins++
		}
	}
	if wins != 1 {
		t.Errorf("%d winners, want 1", wins)
	}
}

func rotation(t *testing.T, open Factory) {
	s := open(t, time.Now)
	old, during := Payment(1, 10, 20), Payment(2, 10, 20)
	during.Payer.Account, during.Payee.Account = Rotated(pix.AccountToken, 10), Rotated(pix.AccountToken, 20)
	during.DeviceToken = Rotated(pix.DeviceToken, 1)
	must(t, s.Record(t.Context(), &old))
	must(t, s.Record(t.Context(), &during))
	out, in, use := events(old, during)
	h := read(t, s, during)
	same(t, "payer", raw{Out: out}, rawOf(h.Payer))
	same(t, "payee", raw{In: in}, rawOf(h.Payee))
	same(t, "device", raw{Use: use}, rawOf(h.Device))
	after := Payment(3, 10, 20)
	after.Payer.Account = pix.TokenPair{Current: Token(pix.AccountToken, 2, 10)}
	if got := len(read(t, s, after).Payer.Out.Events); got != 1 {
		t.Errorf("the new token alone reads %d events, want those written under it: 1", got)
	}
}

func rotatedRedelivery(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx := Payment(1, 10, 20)
	must(t, s.Record(t.Context(), &tx))
	tx.Payer.Account = Rotated(pix.AccountToken, 10)
	must(t, s.Record(t.Context(), &tx))
	if got := len(read(t, s, tx).Payer.Out.Events); got != 1 {
		t.Errorf("payer has %d events, want 1", got)
	}
}

func endedContext(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx := Payment(1, 10, 20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, readErr := s.Read(ctx, &tx)
	_, commitErr := s.Commit(ctx, Decision(&tx, "x"))
	_, decisionErr := s.Decision(ctx, tx.ID)
	_, listErr := s.Unpublished(ctx, engine.MarkQuery{Minutes: []time.Time{Start()}, Before: time.Now(), Limit: 1})
	_, openErr := s.OpenMinutes(ctx, time.Time{}, 1)
	closeErr := s.CloseMinutes(ctx, []engine.OpenMinute{{Minute: Start(), OpenedAt: Start()}})
	register := registerOf(t, s)
	_, valueErr := register.Value(ctx, "x")
	_, swapErr := register.Swap(ctx, "x", "", "y")
	for what, err := range map[string]error{
		"Record": s.Record(ctx, &tx), "Withdraw": s.Withdraw(ctx, &tx, &tx), "Read": readErr, "Commit": commitErr, "Decision": decisionErr,
		"MarkStatus": s.MarkStatus(ctx, &tx, &pix.Status{ID: tx.ID, State: pix.Settled}),
		"MarkFraud":  s.MarkFraud(ctx, &tx, &pix.Label{ID: tx.ID, ArrivedAt: Start()}), "Unpublished": listErr, "MarkPublished": s.MarkPublished(ctx, []engine.Mark{engine.MarkOf(&tx)}),
		"DropMarks": s.DropMarks(ctx, []engine.Mark{engine.MarkOf(&tx)}), "OpenMinutes": openErr, "CloseMinutes": closeErr, "Value": valueErr, "Swap": swapErr,
	} {
		if err == nil || pix.KindOf(err) != pix.Cancelled {
			t.Errorf("%s: error %v, want kind %v", what, err, pix.Cancelled)
		}
	}
}

func absentEntities(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx := Payment(1, 10, 10) // to oneself
	tx.DeviceToken = pix.TokenPair{}
	must(t, s.Record(t.Context(), &tx))
	h := read(t, s, tx)
	out, in, _ := events(tx)
	same(t, "payer", raw{Out: out, In: in}, rawOf(h.Payer))
	same(t, "payee", raw{Out: out, In: in}, rawOf(h.Payee))
	same(t, "device", raw{}, rawOf(h.Device))
}
