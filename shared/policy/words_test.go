package policy

import (
	flags "flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

var update = flags.Bool("update", false, "write the golden files")

func shippedPack(t *testing.T) *Pack {
	t.Helper()
	p, err := Load(Shipped(), []string{"payer_out_sum_24h_brl"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// everyReason renders every text that the shipped pack and the moments of a payment can give.
func everyReason(t *testing.T) []pix.Reason {
	t.Helper()
	p := shippedPack(t)
	var all []pix.Reason
	for i := range p.rules {
		probabilities := []float64{0.00004, 0.0026, 0.0123, 0.64, 0.995, 1, math.NaN()}
		if len(p.rules[i].roles) == 0 {
			probabilities = probabilities[:1]
		}
		for _, probability := range probabilities {
			a := activation{names: p.names, tx: &pix.Transaction{}, payer: probability, receiver: probability}
			a.tx.Amount = 1_234_567_89
			all = append(all, a.told(p.rules[i].reason))
		}
	}
	words := p.fail.words
	words.Code = HitPayerScore
	all = append(all, words)
	words = p.noFeatures.words
	words.Code = HitFeatures
	all = append(all, words)
	for _, late := range []time.Duration{time.Second, 90 * time.Second, 13 * time.Minute, 5 * time.Hour, 400 * time.Hour} {
		var f findings
		f.moments(&Moments{Late: late})
		f.moments(&Moments{Ahead: late})
		all = append(all, f.claims[0].reason, f.claims[1].reason)
	}
	words = blockOverWords()
	words.Code = HitBlockOver
	return append(all, words)
}

// TestGoldenReasons is read by a person: testdata/reasons.txt has every sentence of the shipped pack.
func TestGoldenReasons(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, r := range everyReason(t) {
		fmt.Fprintf(&b, "%s\n  %s\n  %s\n", r.Code, r.TextPT, r.TextEN)
	}
	file := filepath.Join("testdata", "reasons.txt")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("%s; if the change is meant, run with -update (-want +got):\n%s", file, d)
	}
}

// TestReasonsAreWellFormed holds every sentence to the laws of its language, and to telling no outcome: another rule may
// be stronger, and the decision tells it.
func TestReasonsAreWellFormed(t *testing.T) {
	t.Parallel()
	const longest = 240
	englishNumber := regexp.MustCompile(`\d\.\d{1,2}(\D|$)|\d,\d{3}`)
	portugueseNumber := regexp.MustCompile(`\d,\d{1,2}(\D|$)|\d\.\d{3}`)
	outcome := regexp.MustCompile(`(?i)\b(retido|bloqueado|rejeitado|aguarda|held|is blocked|rejected|waits|quase certa|almost certain)\b`)
	for _, r := range everyReason(t) {
		if englishNumber.MatchString(r.TextPT) || portugueseNumber.MatchString(r.TextEN) {
			t.Errorf("%s: a number in the form of the other language: %q / %q", r.Code, r.TextPT, r.TextEN)
		}
		for _, text := range []string{r.TextPT, r.TextEN} {
			n := utf8.RuneCountInString(text)
			if n < 15 || n > longest || strings.ContainsAny(text, "{}") || !strings.HasSuffix(text, ".") || strings.Contains(text, "  ") {
				t.Errorf("%s: %q (%d characters)", r.Code, text, n)
			}
			if outcome.MatchString(text) {
				t.Errorf("%s tells what became of the payment: %q", r.Code, text)
			}
		}
		if strings.Contains(strings.ToLower(r.TextPT), "aparelho") {
			t.Errorf("%s: the word is dispositivo: %q", r.Code, r.TextPT)
		}
	}
}

func TestPercent(t *testing.T) {
	t.Parallel()
	for p, want := range map[float64][2]string{
		0: {"0 %", "0 %"}, 0.00004: {"menos de 0,01 %", "less than 0.01 %"}, 0.0001: {"0,01 %", "0.01 %"},
		0.0026: {"0,26 %", "0.26 %"}, 0.0123: {"1,2 %", "1.2 %"}, 0.02: {"2 %", "2 %"}, 0.4: {"40 %", "40 %"},
		0.999: {"mais de 99 %", "more than 99 %"}, 1: {"100 %", "100 %"}, 0.1: {"10 %", "10 %"},
	} {
		if d := cmp.Diff(want, [2]string{percentPT(p), percentEN(p)}); d != "" {
			t.Errorf("%v (-want +got):\n%s", p, d)
		}
	}
}

// TestMarks: a reason speaks only of what its rule reads, and of the same in both languages.
func TestMarks(t *testing.T) {
	t.Parallel()
	reads := map[string]bool{payerProbability: true, thresholdPrefix + "a": true, "amount_centavos": true}
	for name, c := range map[string]struct {
		pt, en string
		ok     bool
	}{
		"none":            {"a", "b", true},
		"amount":          {"{amount}", "{amount}", true},
		"both, any order": {"{payer_probability} {threshold.a}", "{threshold.a} {payer_probability}", true},
		"one language":    {"{amount}", "b", false},
		"not read":        {"{receiver_probability}", "{receiver_probability}", false},
		"other threshold": {"{threshold.b}", "{threshold.b}", false},
		"no number":       {"{amount_centavos}", "{amount_centavos}", false},
		"a personal fact": {"{payer.ispb}", "{payer.ispb}", false},
		"without its end": {"{amount", "{amoun", false},
	} {
		if err := checkMarks(pix.Reason{TextPT: c.pt, TextEN: c.en}, reads); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLegalBasisInBothLanguages: a hit has one text for its basis, and whoever reads it reads one of the two languages.
func TestLegalBasisInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, r := range shippedPack(t).rules {
		if pt, en, ok := strings.Cut(r.legalBasis, " / "); !ok || len(pt) < 10 || len(en) < 10 {
			t.Errorf("%s: %q", r.id, r.legalBasis)
		}
	}
}

// TestLoadChecksMarks: a pack whose reason speaks of what its rule does not read does not load.
func TestLoadChecksMarks(t *testing.T) {
	t.Parallel()
	pack := strings.ReplaceAll(string(Shipped()), "{threshold.payer_reject}", "{threshold.payer_review}")
	if _, err := Load([]byte(pack), []string{"payer_out_sum_24h_brl"}); pix.KindOf(err) != pix.Invalid {
		t.Errorf("it loaded: %v", err)
	}
}

// TestThresholdsAreTheCallers: whoever asks for them can change nothing of the pack.
func TestThresholdsAreTheCallers(t *testing.T) {
	t.Parallel()
	p := shippedPack(t)
	first := p.Thresholds()
	if len(first) != 3 || first["payer_review"] != 0.0025 {
		t.Errorf("thresholds %v", first)
	}
	first["payer_review"] = 1
	if again := p.Thresholds(); again["payer_review"] != 0.0025 {
		t.Error("a caller changed the pack")
	}
}
