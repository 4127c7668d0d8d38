package pix_test

import (
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]struct{ cpf, cnpj bool }{
		"52998224725":        {cpf: true},
		"529.982.247-25":     {cpf: true},
		"111.444.777-35":     {cpf: true},
		"52998224724":        {}, // second check digit
		"52998224715":        {}, // first check digit
		"11111111111":        {}, // satisfies the arithmetic, never issued
		"5299822472":         {}, // short
		"529982247255":       {}, // long
		"5299822472A":        {},
		"":                   {},
		"11222333000181":     {cnpj: true},
		"11.222.333/0001-81": {cnpj: true},
		"12ABC34501DE35":     {cnpj: true}, // Receita Federal's own example
		"12.abc.345/01de-35": {cnpj: true},
		"12ABC34501DE36":     {},
		"12ABC34501DE3A":     {}, // check digits are digits
		"00000000000000":     {},
		"1122233300018":      {},
		"12ÃBC34501DE35":     {},
	} {
		if got := pix.ValidCPF(s); got != want.cpf {
			t.Errorf("ValidCPF(%q) = %v", s, got)
		}
		if got := pix.ValidCNPJ(s); got != want.cnpj {
			t.Errorf("ValidCNPJ(%q) = %v", s, got)
		}
	}
}

func TestClassifyKey(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]pix.KeyKind{
		"":                                     "",
		"52998224725":                          pix.KeyCPF,
		"12ABC34501DE35":                       pix.KeyCNPJ,
		"+5511912345678":                       pix.KeyPhone,
		"+55 (11) 91234-5678":                  pix.KeyPhone,
		"+0511912345678":                       pix.UnknownKey,
		"+55":                                  pix.UnknownKey,
		"+551191234567890123":                  pix.UnknownKey,
		"fulano@example.com":                   pix.KeyEmail,
		"Fulano@Example.com":                   pix.KeyEmail,
		"fulano@":                              pix.UnknownKey,
		"a b@example.com":                      pix.UnknownKey,
		"fulano@-example.com":                  pix.UnknownKey,
		"123e4567-e89b-12d3-a456-426614174000": pix.KeyEVP,
		"123E4567-E89B-12D3-A456-426614174000": pix.KeyEVP,
		"123e4567-e89b-12d3-a456-42661417400g": pix.UnknownKey,
		"something-new":                        pix.UnknownKey,
	} {
		if got := pix.ClassifyKey(s); got != want {
			t.Errorf("ClassifyKey(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestEndToEndID(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"E12345678202611231430aB3dE5fG7hI":  true,
		"EA1B2C3D4202402292359abcdefghijk":  true, // alphanumeric ISPB, leap day
		"EA1B2C3D4202302292359abcdefghijk":  false,
		"EA1B2C3D4202313012359abcdefghijk":  false,
		"EA1B2C3D4202312012460abcdefghijk":  false,
		"D12345678202611231430aB3dE5fG7hI":  false, // a return
		"e12345678202611231430aB3dE5fG7hI":  false,
		"Ea1b2c3d4202611231430aB3dE5fG7hI":  false,
		"E12345678202611231430aB3dE5fG7h-":  false,
		"E12345678202611231430aB3dE5fG7hIJ": false,
		"":                                  false,
	} {
		id, err := pix.ParseEndToEndID(s)
		if (err == nil) != ok || (ok && string(id) != s) {
			t.Errorf("ParseEndToEndID(%q) = %q, %v", s, id, err)
		}
		if err != nil && pix.KindOf(err) != pix.Invalid {
			t.Errorf("ParseEndToEndID(%q): kind %v", s, pix.KindOf(err))
		}
	}
	id := pix.EndToEndID("EA1B2C3D4202402292359abcdefghijk")
	if minute, _ := id.Minute(); id.ISPB() != "A1B2C3D4" || minute.String() != "2024-02-29 23:59:00 +0000 UTC" {
		t.Errorf("parts are %v, %v", id.ISPB(), minute)
	}
	for s, ok := range map[string]bool{"A1B2C3D4": true, "00000000": true, "1234567": false, "a1b2c3d4": false, "": false} {
		if _, err := pix.ParseISPB(s); (err == nil) != ok {
			t.Errorf("ParseISPB(%q): %v", s, err)
		}
	}
}

func FuzzClassifyKey(f *testing.F) {
	for _, s := range []string{"", "52998224725", "12ABC34501DE35", "+5511912345678", "a@b.co", "x", "+", "@", "\xff@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tokens := newTokenizer(t, 1, 'a')
		kind := pix.ClassifyKey(s)
		if pair := tokens.Token(pix.KeyToken, pix.Secret(s)); (pair.Current == "") != (kind == "") {
			t.Errorf("kind %q, token %q", kind, pair.Current)
		}
		_, _ = pix.ValidCPF(s), pix.ValidCNPJ(s)
	})
}

func FuzzParseEndToEndID(f *testing.F) {
	f.Add("E12345678202611231430aB3dE5fG7hI")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := pix.ParseEndToEndID(s)
		if err != nil {
			return
		}
		if _, ok := id.Minute(); !ok || len(s) != 32 {
			t.Errorf("accepted %q", s)
		}
		if _, err := pix.ParseISPB(string(id.ISPB())); err != nil {
			t.Error(err)
		}
	})
}

func FuzzParseToken(f *testing.F) {
	f.Add("acct.1.AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("acct..")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := pix.ParseToken(s)
		if err == nil && (token.Version() < 1 || token.Kind() == "" || string(token) != s) {
			t.Errorf("accepted %q", s)
		}
	})
}
