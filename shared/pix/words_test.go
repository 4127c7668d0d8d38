package pix_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestMoneyReadsAsReais(t *testing.T) {
	t.Parallel()
	for m, want := range map[pix.Money]string{
		0: "R$ 0,00", 5: "R$ 0,05", 123456: "R$ 1.234,56", -100000: "-R$ 1.000,00",
		pix.MaxAmount: "R$ 1.000.000.000.000,00", math.MinInt64: "-R$ 92.233.720.368.547.758,08",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d reads %q, want %q", int64(m), got, want)
		}
	}
}

func TestMoneyReadsInEnglish(t *testing.T) {
	t.Parallel()
	for m, want := range map[pix.Money]string{5: "R$ 0.05", 123456: "R$ 1,234.56", -100000000: "-R$ 1,000,000.00"} {
		if got := m.English(); got != want {
			t.Errorf("%d reads %q, want %q", int64(m), got, want)
		}
	}
}

// TestDispositions states the law of the table: acknowledged if and only if dead-lettered, and only what can never
// succeed is.
func TestDispositions(t *testing.T) {
	t.Parallel()
	labels := map[string]bool{}
	for k := pix.Unexpected; k <= pix.Cancelled; k++ {
		d := k.Disposition()
		if d.Ack != d.DeadLetter || d.Ack != (d.HTTPStatus < 500 && d.HTTPStatus != 429) || labels[d.Label] {
			t.Errorf("kind %d: %+v", k, d)
		}
		labels[d.Label] = true
	}
	if d := pix.Kind(99).Disposition(); d.Ack {
		t.Error("an unknown kind is acknowledged")
	}
	wrapped := fmt.Errorf("edge: %w", pix.E(pix.Conflict, "commit", errors.New("other payment")))
	if pix.KindOf(wrapped) != pix.Conflict || pix.KindOf(errors.New("x")) != pix.Unexpected || pix.E(pix.Invalid, "op", nil) != nil {
		t.Error("a kind is lost or invented")
	}
}

func TestUnknownOutcomeIsMostSevere(t *testing.T) {
	t.Parallel()
	if pix.Outcome("").Severity() != pix.Reject.Severity() || pix.Approve.Severity() >= pix.Review.Severity() ||
		pix.Review.Severity() >= pix.Block.Severity() || pix.Block.Severity() >= pix.Reject.Severity() {
		t.Error("outcomes are out of order")
	}
}

// TestCheckDigitsAgainstReference builds documents with digits from the definition, weight by weight.
func TestCheckDigitsAgainstReference(t *testing.T) {
	t.Parallel()
	digit := func(s string, weights []int) string {
		sum := 0
		for i, w := range weights {
			sum += int(s[i]-48) * w
		}
		if sum%11 < 2 {
			return "0"
		}
		return fmt.Sprint(11 - sum%11)
	}
	rapid.Check(t, func(t *rapid.T) {
		cpf := rapid.StringMatching(`[0-8][0-9]{7}9`).Draw(t, "cpf")
		cpf += digit(cpf, []int{10, 9, 8, 7, 6, 5, 4, 3, 2})
		cpf += digit(cpf, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2})
		cnpj := rapid.StringMatching(`[A-Z][0-9A-Z]{11}`).Draw(t, "cnpj")
		cnpj += digit(cnpj, []int{5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2})
		cnpj += digit(cnpj, []int{6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2})
		if !pix.ValidCPF(cpf) || !pix.ValidCNPJ(cnpj) {
			t.Fatalf("refused %s or %s", cpf, cnpj)
		}
		last := cpf[10]
		if pix.ValidCPF(cpf[:10] + string('0'+(last-'0'+1)%10)) {
			t.Fatalf("a wrong last digit of %s passes", cpf)
		}
	})
}
