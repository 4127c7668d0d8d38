package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// explaining is a model whose contributions a test gives.
type explaining struct {
	fakeModel
	top []pix.Contribution
}

// Explain implements engine.Model.
func (m *explaining) Explain([]float64, int) ([]pix.Contribution, error) { return m.top, nil }

// TestReasonsRead: what a person is told, word for word, in both languages, strongest first, and nothing that names
// anybody.
func TestReasonsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.models.set(pix.PayerRole, &explaining{fakeModel{version: "p1", probability: 0.6}, []pix.Contribution{
		{Feature: "pair_first_30d", Value: 1, Contribution: 2},
		{Feature: "amount_to_median_30d", Value: 12, Contribution: 1},
		{Feature: "payer_account_age_days", Value: 900, Contribution: -0.7}, // speaks against fraud: not told
		{Feature: "device_new_to_payer_30d", Value: 1, Contribution: 0.5},
		{Feature: "night", Value: 1, Contribution: 0.1}, // the fourth
	}})
	tx := payment(1, pix.Outbound)
	tx.Amount = 4_800_00
	d, _, err := w.engine.Decide(t.Context(), live(tx))
	if err != nil {
		t.Fatal(err)
	}
	var pt, en []string
	for _, r := range d.Reasons {
		pt, en = append(pt, r.TextPT), append(en, r.TextEN)
	}
	wantPT := []string{
		"O modelo do pagador estima em 60 % a chance de fraude; o limite para análise é 50 %.",
		"O pagador não pagou a este recebedor nos 30 dias anteriores.",
		"R$ 4.800,00 é 12 vezes o valor mediano dos pagamentos do pagador nos 30 dias anteriores.",
		"O pagador não pagou por este dispositivo nos 30 dias anteriores.",
	}
	wantEN := []string{
		"The payer model puts the chance of fraud at 60 %; the limit for analysis is 50 %.",
		"The payer did not pay this payee in the 30 days before.",
		"R$ 4,800.00 is 12 times the median of the payer's payments in the 30 days before.",
		"The payer did not pay from this device in the 30 days before.",
	}
	if diff := cmp.Diff(wantPT, pt) + cmp.Diff(wantEN, en); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	for _, secret := range []string{string(tx.Payer.Account.Current), string(tx.Payee.Account.Current), string(tx.DeviceToken.Current), string(tx.ID)} {
		if strings.Contains(fmt.Sprint(d.Reasons), secret) {
			t.Errorf("the reasons hold %q", secret)
		}
	}
}

// TestReasonsAreFoundAmongAll: what weighs most may all speak for the payment; the person is still told what speaks
// against it, and the audit row keeps what weighs most.
func TestReasonsAreFoundAmongAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	var top []pix.Contribution
	for i, name := range []string{"pair_count_30d", "payer_seen_days", "payee_seen_days", "pair_age_days", "device_seen_days"} {
		top = append(top, pix.Contribution{Feature: name, Value: 100, Contribution: float64(i) - 9})
	}
	top = append(top, pix.Contribution{Feature: "night", Value: 1, Contribution: 0.3})
	w.models.set(pix.PayerRole, &explaining{fakeModel{version: "p1", probability: 0.6}, top})
	d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.Reasons); n != 2 || d.Reasons[1].Code != "night" {
		t.Errorf("reasons %v, want the rule's and that of the night", d.Reasons)
	}
	if diff := cmp.Diff(top[:5], d.Scores[0].Top); diff != "" {
		t.Errorf("kept for the audit row (-want +got):\n%s", diff)
	}
}

// TestReasonsSayAThingOnce: several features may mean the same to a person, who is then told what comes next.
func TestReasonsSayAThingOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.models.set(pix.PayerRole, &explaining{fakeModel{version: "p1", probability: 0.6}, []pix.Contribution{
		{Feature: "payee_out_count_24h", Value: 0, Contribution: 3},
		{Feature: "payee_out_sum_24h_brl", Value: 0, Contribution: 2},
		{Feature: "night", Value: 1, Contribution: 1},
	}})
	d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, r := range d.Reasons[1:] {
		codes = append(codes, r.Code)
	}
	if diff := cmp.Diff([]string{"payee_out_count_24h", "night"}, codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}
