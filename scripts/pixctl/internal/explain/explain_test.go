package explain

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// decision returns a held payment with everything that a decision may say.
func decision(t *testing.T) *pix.Decision {
	t.Helper()
	e, ok := world.New(world.Params{Seed: 1, Accounts: 300, Days: 1}).Next()
	if !ok {
		t.Fatal("no payment")
	}
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	tx := tokenizer.Tokenize(&e.Submission)
	tx.EventTime = time.Date(2026, 1, 6, 1, 30, 0, 0, time.UTC)
	return &pix.Decision{
		Transaction: tx, Outcome: pix.Review, HoldUntil: tx.EventTime.Add(time.Hour), DecidedAt: tx.EventTime.Add(time.Second),
		Reasons:  []pix.Reason{{Code: "amount_to_balance", TextEN: "takes most of the balance", TextPT: "leva quase todo o saldo"}},
		RuleHits: []pix.RuleHit{{ID: "night_limit", Outcome: pix.Review, LegalBasis: "Res. BCB 142", Lifted: true}},
		Scores: []pix.Score{{Role: pix.PayerRole, Version: "7", Raw: 2, Probability: 0.125, Top: []pix.Contribution{
			{Feature: "amount_to_balance", Value: 0.93, Contribution: 1.5}, {Feature: "device_age", Value: math.NaN(), Contribution: -0.25},
		}}},
		FeaturesMissing: true, PolicyVersion: "2026-01", TotalLatency: 1234 * time.Microsecond,
	}
}

func TestTell(t *testing.T) {
	t.Parallel()
	d := decision(t)
	s := memory.New(func() time.Time { return d.DecidedAt })
	if _, err := s.Commit(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		portuguese bool
		want       []string
	}{
		{false, []string{
			string(d.ID()), "held for review until 2026-01-05 23:30:00 -03", "1. takes most of the balance [amount_to_balance]",
			"night_limit -> REVIEW, Res. BCB 142 (lifted by an override)", "payer/7: 12.5000 %", "+1.500 amount_to_balance = 0.93 (raises the risk)",
			"-0.250 device_age = missing (lowers the risk)", "feature store did not answer", "Policy 2026-01",
		}},
		{true, []string{"retido para análise até", "leva quase todo o saldo", "afastada por exceção", "aumenta o risco", "ausente", "Política 2026-01"}},
	} {
		var out bytes.Buffer
		if err := tell(t.Context(), command.IO{Out: &out}, s, request{id: d.ID(), portuguese: c.portuguese}); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("does not say %q:\n%s", want, out.String())
			}
		}
	}
	var out bytes.Buffer
	if err := tell(t.Context(), command.IO{Out: &out}, s, request{id: d.ID(), json: true}); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("JSON %s, error %v", out.String(), err)
	}
	if err := tell(t.Context(), command.IO{Out: &out}, s, request{id: "E99000001202601060130aaaaaaaaaaa"}); command.ExitCode(err) != 1 {
		t.Errorf("a payment without a decision: %v, want exit code 1", err)
	}
}

func TestApprovalWithoutReasons(t *testing.T) {
	t.Parallel()
	d := decision(t)
	d.Outcome, d.HoldUntil, d.Reasons, d.RuleHits, d.Scores, d.FeaturesMissing = pix.Approve, time.Time{}, nil, nil, nil, false
	text := string((&story{d: d, zone: time.UTC, words: english()}).bytes())
	for _, not := range []string{"until", "Rules", "Model", "did not answer"} {
		if strings.Contains(text, not) {
			t.Errorf("says %q without cause:\n%s", not, text)
		}
	}
	if !strings.Contains(text, "nothing spoke against it") {
		t.Errorf("does not say why:\n%s", text)
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	id := string(decision(t).ID())
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"explain"}, 2, "want 1 arguments"},
		{[]string{"explain", "nonsense"}, 2, "explain:"},
		{[]string{"explain", id, "-lang", "fr"}, 2, "-lang"},
		{[]string{"explain", id}, 2, "-project is required"},
		{[]string{"explain", "-h"}, 0, "usage: pixctl explain"},
	} {
		var out bytes.Buffer
		std := command.IO{Out: &out, Err: &out, Getenv: func(string) string { return "" }}
		if code := command.Dispatch(t.Context(), std, []command.Command{Command()}, c.args); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: exit code %d; printed %s", c.args, code, out.String())
		}
	}
}
