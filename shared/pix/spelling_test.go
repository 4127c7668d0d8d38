package pix_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// things lists, by kind, the spellings of one thing under NormalisationV2. Two lines are never one thing.
func things() map[pix.TokenKind][][]string {
	return map[pix.TokenKind][][]string{
		pix.OwnerToken: {
			{"52998224725", "529.982.247-25", " 529 982 247/25 ", "５２９９８２２４７２５", "529982\u200b24725", "\u202a52998224725\u202c"},
			{"11144477735", "111.444.777-35"},
			{"12ABC34501DE35", "12.abc.345/01de-35", "12.ABC.345/01DE-35", "１２abc34501de35"},
			{"5299822472"}, {"2998224725"}, // a zero that was lost is not guessed
		},
		pix.KeyToken: {
			{"52998224725", "529.982.247-25", "529 982 247 25", "529982247/25", "５２９９８２２４７２５"},
			{"12ABC34501DE35", "12.abc.345/01de-35", "12abc34501de35"},
			{"+5511912345678", "5511912345678", "+55 (11) 91234-5678", "55 11 91234-5678", "55 (11) 91234.5678", "＋5511912345678"},
			{"+551131234567", "551131234567", "55 11 3123-4567"},
			{"fulano@example.com", "Fulano@Example.COM", " fulano@example.com", "fulano＠example.com", "fula\u00adno@example.com"},
			{"fu.lano@example.com"}, {"fulano+pix@example.com"}, // one mailbox at some providers, two keys in DICT
			{"123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"},
			{"brand-new:a1", "Brand-New:A1", "brand-new: a1", " BRAND-NEW:A1\t", "ｂrand-new:a1"},
			{"brand-new:a2"}, {"brandnew:a1"},
			{"1191234-5678", "11 91234-5678"}, {"11912345678"}, // eleven digits: a CPF
			{"1132345678", "11 32345678"}, {"912345678"}, {"5500912345678"}, {"5511012345678"}, {"551191234567"},
			{"+12025550123"}, {"12025550123"}, {"+551191234567"},
		},
		pix.DeviceToken: {
			{"abc", " abc"}, {"ABC"}, {"a bc"},
			{"123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"},
		},
		pix.ChargeToken: {{"abc"}, {"ABC"}},
	}
}

// account is branch and number of an account; accounts lists the spellings of one in a line.
type account struct{ branch, number pix.Secret }

func accounts() [][]account {
	return [][]account{
		{{"1", "12-X"}, {"0001", "0012x"}, {"0001-9", "12X"}, {"0001-x", "12-0"}, {" 1 - 9 ", "120"}, {"０００１", "1 2/0"}},
		{{"1", "12"}}, {{"2", "12"}}, {{"", "12"}, {" ", "00012"}}, {{"0", "12"}, {"0000", "12"}}, // no branch is not branch 0
		{{"11", "2"}}, {{"1", "12A"}}, {{"1", "1X2"}, {"0001-9", "1.x.2"}}, {{"1", "X"}}, {{"1", "121"}},
		{{"19", "12"}, {"0019", "12"}}, {{"00019", "12"}}, {{"10019", "12"}, {"1001-9-", "12"}},
		{{"1001", "12"}, {"1001-9", "12"}},
		{{"1", "0"}, {"1", "000"}},
	}
}

// TestOneThingOneTokenAndNoTwo: every spelling of a line gives one token and no two lines share one.
func TestOneThingOneTokenAndNoTwo(t *testing.T) {
	t.Parallel()
	tokens := newTokenizer(t, 1, 'a')
	seen := map[pix.Token]string{}
	take := func(line, spelling string, first, got pix.Token) pix.Token {
		if first != "" && got != first {
			t.Errorf("%s: %q has a token of its own", line, spelling)
		}
		if owner, known := seen[got]; known && owner != line || got == "" {
			t.Errorf("%s and %s: %q joins them", owner, line, spelling)
		}
		seen[got] = line
		return got
	}
	for kind, lines := range things() {
		for i, line := range lines {
			var first pix.Token
			for _, s := range line {
				first = take(fmt.Sprintf("%s %d", kind, i), s, first, tokens.Token(kind, pix.Secret(s)).Current)
			}
		}
	}
	for i, line := range accounts() {
		var first pix.Token
		for _, a := range line {
			got := tokens.Account("12345678", a.branch, a.number).Current
			first = take(fmt.Sprintf("account %d", i), string(a.branch)+"|"+string(a.number), first, got)
		}
	}
	if tokens.Account("12345678", "1", "12") == tokens.Account("12345679", "1", "12") {
		t.Error("two institutions share an account")
	}
	if got := tokens.Account("12345678", "1", "-"); got != (pix.TokenPair{}) {
		t.Errorf("no number has the token %v", got)
	}
}

// TestNormalisationsStand pins what tokens are made of: a changed spelling would lose the histories under it.
func TestNormalisationsStand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   pix.TokenKind
		raw    string
		v1, v2 string
	}{
		{pix.OwnerToken, "529.982.247-25", "52998224725", "52998224725"},
		{pix.OwnerToken, "529 982 247 25", "529 982 247 25", "52998224725"},
		{pix.OwnerToken, "12.abc.345/01de-35", "12ABC34501DE35", "12ABC34501DE35"},
		{pix.KeyToken, "5511912345678", "5511912345678", "+5511912345678"},
		{pix.KeyToken, "+55 (11) 91234-5678", "+5511912345678", "+5511912345678"},
		{pix.KeyToken, "12abc34501de35", "12abc34501de35", "12ABC34501DE35"},
		{pix.KeyToken, "Brand-New: A", "Brand-New: A", "brand-new:a"},
		{pix.KeyToken, "A@Example.com", "a@example.com", "a@example.com"},
		{pix.KeyToken, "123E4567-E89B-12D3-A456-426614174000", "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"},
		{pix.KeyToken, "529982247-25", "52998224725", "52998224725"},
		{pix.DeviceToken, " 123E4567-E89B-12D3-A456-426614174000", "123E4567-E89B-12D3-A456-426614174000", "123e4567-e89b-12d3-a456-426614174000"},
		{pix.ChargeToken, " aB ", "aB", "aB"},
		{pix.AccountToken, "0001-9|0012-x", "12345678/19/12X", "12345678/1/120"},
		{pix.AccountToken, "00019|0012", "12345678/19/12", "12345678/00019/12"},
		{pix.AccountToken, "|0000", "12345678//0", "12345678//0"},
	} {
		branch, number, _ := strings.Cut(c.raw, "|")
		for version, want := range map[pix.Normalisation]string{pix.NormalisationV1: c.v1, pix.NormalisationV2: c.v2} {
			var got string
			if c.kind == pix.AccountToken {
				got = pix.Spelling(version, c.kind, "12345678", branch, number)
			} else {
				got = pix.Spelling(version, c.kind, "", "", c.raw)
			}
			if got != want {
				t.Errorf("%q under %d is %q, want %q", c.raw, version, got, want)
			}
		}
	}
}

// TestSpellingIsIdempotent: what is spelt already stays as it is, whatever it is made of.
func TestSpellingIsIdempotent(t *testing.T) {
	t.Parallel()
	kinds := []pix.TokenKind{pix.OwnerToken, pix.KeyToken, pix.DeviceToken, pix.ChargeToken}
	twice := func(s string) string {
		for _, kind := range kinds {
			once := pix.Spelling(pix.NormalisationV2, kind, "", "", s)
			if again := pix.Spelling(pix.NormalisationV2, kind, "", "", once); again != once {
				return fmt.Sprintf("%s %q: %q, then %q", kind, s, once, again)
			}
		}
		return ""
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if problem := twice("a" + string(r) + "1"); problem != "" {
			t.Fatal(problem)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9+@aX .()/-]{0,20}`), rapid.StringMatching(`\PC{0,12}`)).Draw(t, "s")
		if problem := twice(s); problem != "" {
			t.Fatal(problem)
		}
		branch := rapid.StringMatching(`[0-9X .-]{0,8}`).Draw(t, "branch")
		once := pix.Spelling(pix.NormalisationV2, pix.AccountToken, "12345678", branch, s)
		parts := strings.SplitN(once, "/", 3)
		if once != "" && pix.Spelling(pix.NormalisationV2, pix.AccountToken, "12345678", parts[1], parts[2]) != once {
			t.Fatalf("account %q %q: %q", branch, s, once)
		}
	})
}

// TestDifferentThingsStayApart: in 200,000 generated accounts and keys, each different and well written, no two share a
// token, and each written another way has its own again.
func TestDifferentThingsStayApart(t *testing.T) {
	t.Parallel()
	random, tokens := rand.New(rand.NewPCG(12, 34)), newTokenizer(t, 1, 'a')
	seen := make(map[pix.Token]string, 200_000)
	claim := func(of string, token pix.Token) {
		if other, known := seen[token]; known && other != of {
			t.Errorf("%s and %s share a token", other, of)
		}
		seen[token] = of
	}
	for range 50_000 {
		branch, number := random.IntN(9999)+1, random.IntN(1e9)+10
		verifier := number % 11 // what the number determines
		digit := string("0123456789X"[verifier])
		of := fmt.Sprintf("account %d/%d", branch, number)
		claim(of, tokens.Account("12345678", pix.Secret(fmt.Sprintf("%04d", branch)), pix.Secret(fmt.Sprintf("%d-%s", number, digit))).Current)
		claim(of, tokens.Account("12345678", pix.Secret(fmt.Sprintf("%04d-%d", branch, branch%10)),
			pix.Secret(fmt.Sprintf("%012d%s", number, strings.Replace(digit, "X", "0", 1)))).Current)
		ddd, line := (1+random.IntN(9))*10+1+random.IntN(9), 9e8+random.IntN(1e8)
		of = fmt.Sprintf("phone %d %d", ddd, line)
		claim(of, tokens.Token(pix.KeyToken, pix.Secret(fmt.Sprintf("+55%d%d", ddd, line))).Current)
		claim(of, tokens.Token(pix.KeyToken, pix.Secret(fmt.Sprintf("55 (%d) %d", ddd, line))).Current)
		cpf := fmt.Sprintf("%011d", random.Int64N(1e11))
		claim("cpf "+cpf, tokens.Token(pix.KeyToken, pix.Secret(cpf)).Current)
		claim("cpf "+cpf, tokens.Token(pix.KeyToken, pix.Secret(cpf[:3]+"."+cpf[3:6]+"."+cpf[6:9]+"-"+cpf[9:])).Current)
	}
}
