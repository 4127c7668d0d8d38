package replay_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// arriving gives payments arrivals as an honest log has them: most at once, some late, some dated ahead of their arrival.
func arriving(log []pix.Submission) {
	for i := range log {
		after := time.Duration(i%900) * time.Millisecond
		switch i % 11 {
		case 3:
			after = time.Duration(i%5) * time.Hour
		case 7:
			after = -time.Duration(i%6) * time.Minute
		}
		log[i].ReceivedAt = log[i].EventTime.Add(min(after, 20*time.Hour))
	}
}

// TestDisorderWithinTheWindow: in order of event time, in order of arrival, and with lines some minutes out of order, a log
// gives the vectors of the order of arrival, bit for bit.
func TestDisorderWithinTheWindow(t *testing.T) {
	t.Parallel()
	log := payments(41)
	slices.SortStableFunc(log, func(a, b pix.Submission) int { return a.EventTime.Compare(b.EventTime) })
	for _, c := range []struct {
		name     string
		arrivals bool
		moved    func(*pix.Submission) time.Time // where the line stands
	}{
		{"event time", true, func(s *pix.Submission) time.Time { return s.EventTime }},
		{"arrival", true, func(s *pix.Submission) time.Time { return s.ReceivedAt }},
		{"some minutes out of order", false, func(s *pix.Submission) time.Time {
			return s.EventTime.Add(time.Duration(s.Amount%300) * time.Second)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			log := slices.Clone(log)
			for i := range log {
				log[i].ReceivedAt = time.Time{}
			}
			if c.arrivals {
				arriving(log)
			}
			want := reference(t, log)
			slices.SortStableFunc(log, func(a, b pix.Submission) int { return c.moved(&a).Compare(c.moved(&b)) })
			got, _ := replayed(t, replay.Config{}, lines(t, log))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("vectors differ from those in order of arrival (-want +got):\n%.2000s", diff)
			}
		})
	}
}

// TestDisorderBeyondTheWindow: nothing is replayed past the first line that comes too late, and the error names it.
func TestDisorderBeyondTheWindow(t *testing.T) {
	t.Parallel()
	h := simulated(world.Params{Seed: 42, Accounts: 200, Days: 2})
	slices.SortStableFunc(h.payments, func(a, b pix.Submission) int { return a.EventTime.Compare(b.EventTime) })
	slices.SortStableFunc(h.statuses, func(a, b pix.Status) int { return a.OccurredAt.Compare(b.OccurredAt) })
	for i := range h.payments {
		h.payments[i].ReceivedAt = time.Time{}
	}
	for _, status := range []bool{false, true} {
		h := history{payments: slices.Clone(h.payments), statuses: slices.Clone(h.statuses)}
		const from, to = 3, 60
		var back time.Duration
		if status {
			h.statuses = slices.Insert(h.statuses, to, h.statuses[from])
			h.statuses = slices.Delete(h.statuses, from, from+1)
			back = h.statuses[to-2].OccurredAt.Sub(h.statuses[to-1].OccurredAt)
		} else {
			h.payments = slices.Insert(h.payments, to, h.payments[from])
			h.payments = slices.Delete(h.payments, from, from+1)
			back = h.payments[to-2].EventTime.Sub(h.payments[to-1].EventTime)
		}
		if back < pix.MaxClockSkew {
			t.Fatalf("moved by %v: the log proves nothing", back)
		}
		p, s := h.files(t)
		rows := 0
		_, err := replay.Run(t.Context(), replay.Config{Statuses: replay.NewLines(bytes.NewReader(s))},
			replay.NewLines(bytes.NewReader(p)), func(*replay.Row) error { rows++; return nil })
		var disorder *replay.DisorderError
		if !errors.As(err, &disorder) {
			t.Fatalf("status %v: error %v", status, err)
		}
		want := replay.DisorderError{Status: status, Line: to, Newest: to - 1, Back: back.Truncate(time.Millisecond)}
		if diff := cmp.Diff(&want, disorder); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !status && rows >= to {
			t.Errorf("%d rows were served", rows)
		}
	}
}

// TestShuffled: no shuffle of a log gives wrong vectors: it is an error, or what the log in order gives.
func TestShuffled(t *testing.T) {
	t.Parallel()
	log := payments(43)
	want := reference(t, log)
	rng := rand.New(rand.NewPCG(43, 1))
	refused := 0
	for near := 1; near <= 1<<12; near *= 2 { // how far lines move
		shuffled := slices.Clone(log)
		slices.SortStableFunc(shuffled, func(a, b pix.Submission) int { return a.EventTime.Compare(b.EventTime) })
		for from := 0; from < len(shuffled); from += near {
			part := shuffled[from:min(from+near, len(shuffled))]
			rng.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
		}
		var got []served
		_, err := replay.Run(t.Context(), replay.Config{}, replay.NewLines(bytes.NewReader(lines(t, shuffled))), func(r *replay.Row) error {
			got = append(got, served{r.Transaction.ID, bits(r.Vector)})
			return nil
		})
		var disorder *replay.DisorderError
		switch {
		case errors.As(err, &disorder):
			refused++
		case err != nil:
			t.Fatal(err)
		default:
			byID := func(a, b served) int { return strings.Compare(string(a.ID), string(b.ID)) }
			slices.SortFunc(got, byID)
			inOrder := slices.SortedFunc(slices.Values(want), byID)
			if diff := cmp.Diff(inOrder, got); diff != "" {
				t.Fatalf("moved by %d lines at most: (-want +got):\n%.2000s", near, diff)
			}
		}
	}
	if refused == 0 || refused > 12 {
		t.Errorf("%d of 13 shuffles were refused: the test shows too little", refused)
	}
}

// TestLabelsInAnyOrder: labels are taken by arrival, whatever the order of their file.
func TestLabelsInAnyOrder(t *testing.T) {
	t.Parallel()
	h := simulated(world.Params{Seed: 44, Accounts: 300, Days: 10, FraudBoost: 400})
	for i := range h.labels { // no two at once, so that their order is one
		h.labels[i].ArrivedAt = h.labels[i].EventTime.Add(time.Duration(i%50)*time.Hour + time.Duration(i)*time.Millisecond)
	}
	payments, _ := h.files(t)
	stranger := h.labels[0]
	stranger.ID = "E" + stranger.ID[1:9] + "200001010000" + "12345678901"
	shuffled := append(slices.Clone(h.labels), stranger)
	rand.New(rand.NewPCG(44, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	want, _ := replayed(t, replay.Config{Labels: replay.NewLabels(h.labels)}, payments)
	got, stats := replayed(t, replay.Config{Labels: replay.NewLabels(shuffled)}, payments)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%.2000s", diff)
	}
	if stats.Unlabelled != 1 || stats.Marks == 0 {
		t.Errorf("%+v", stats)
	}
}

// TestTokenisedLog: a log with tokens, as the lake keeps it, is ordered and replayed as the one with raw identifiers.
func TestTokenisedLog(t *testing.T) {
	t.Parallel()
	log := payments(45)
	raw := lines(t, log)
	tokenised := tokensOf(t, log)
	for i, line := range bytes.Split(bytes.TrimSpace(tokenised), []byte("\n")) {
		at, err := replay.PaymentMoment(line)
		want, wantErr := replay.PaymentMoment(bytes.Split(raw, []byte("\n"))[i])
		if err != nil || wantErr != nil || at != want {
			t.Fatalf("line %d is of %d, %v; with raw identifiers of %d, %v", i+1, at, err, want, wantErr)
		}
	}
	want, _ := replayed(t, replay.Config{}, raw)
	got, _ := replayed(t, replay.Config{}, tokenised)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-raw +tokenised):\n%.2000s", diff)
	}
}

// tokensOf writes a log with tokens in place of identifiers.
func tokensOf(t *testing.T, log []pix.Submission) []byte {
	t.Helper()
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for i := range log {
		tx := tokenizer.Tokenize(&log[i])
		e, err := event.EncodeTransaction(&tx)
		var m pixv1.Transaction
		line, jsonErr := []byte(nil), proto.Unmarshal(e.Data, &m)
		if jsonErr == nil {
			line, jsonErr = protojson.Marshal(&m)
		}
		if err := errors.Join(err, jsonErr); err != nil {
			t.Fatal(err)
		}
		out.Write(append(line, '\n'))
	}
	return out.Bytes()
}
