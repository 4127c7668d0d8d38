package pix_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func now() time.Time { return time.Date(2026, 11, 23, 14, 31, 0, 0, time.UTC) }

// submission is a valid payment with every raw identifier.
func submission() pix.Submission {
	return pix.Submission{
		Facts: pix.Facts{
			ID: "E12345678202611231430aB3dE5fG7hI", EventTime: now().Add(-time.Second), Direction: pix.Outbound,
			Amount: 12345, Initiation: pix.ByKey, Purpose: pix.Payment,
			PayerFacts: pix.PartyFacts{ISPB: "12345678", AccountType: pix.Checking},
			PayeeFacts: pix.PartyFacts{ISPB: "A1B2C3D4", AccountType: pix.Prepaid},
		},
		Payer:    pix.RawParty{Document: "529.982.247-25", Branch: "70531", Account: "1234567-8", Key: "+5511912345678", Name: "Maria Silva"},
		Payee:    pix.RawParty{Document: "12.ABC.345/01DE-35", Branch: "94626", Account: "7654321", Key: "loja@exemplo.com.br", Name: "Loja Exemplo"},
		DeviceID: "device-4711",
	}
}

func problems(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var p *pix.Problems
	if !errors.As(err, &p) || pix.KindOf(err) != pix.Invalid {
		t.Fatalf("not problems of kind invalid: %v", err)
	}
	var out []string
	for _, one := range p.List {
		out = append(out, one.Field+": "+one.Reason)
	}
	return out
}

func TestSubmissionValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*pix.Submission)
		want   []string
	}{
		"valid":             {func(*pix.Submission) {}, nil},
		"cpf check digit":   {func(s *pix.Submission) { s.Payer.Document = "52998224726" }, []string{"payer.document: check digits do not match; it looks like a telephone, or a CPF with a wrong digit, as in 111.444.777-35"}},
		"cnpj check digit":  {func(s *pix.Submission) { s.Payee.Document = "12ABC34501DE36" }, []string{"payee.document: check digits do not match; it looks like a CNPJ, as in 11.222.333/0001-81"}},
		"document shape":    {func(s *pix.Submission) { s.Payer.Document = "12" }, []string{"payer.document: must be a CPF of 11 digits or a CNPJ of 14 characters"}},
		"person":            {func(s *pix.Submission) { s.PayerFacts.Person = pix.LegalPerson }, []string{"payer.person: does not match the document"}},
		"key kind":          {func(s *pix.Submission) { s.PayeeFacts.KeyKind = pix.KeyCPF }, []string{"payee.key: does not have the form of its keyKind; it looks like an e-mail address, as in contato@exemplo.com.br"}},
		"key check digit":   {func(s *pix.Submission) { s.Payee.Key = "52998224726" }, []string{"payee.key: check digits do not match; it looks like a CPF, or a telephone without its country, as in +5511999990000"}},
		"phone, no country": {func(s *pix.Submission) { s.Payee.Key, s.PayeeFacts.KeyKind = "(11) 91234-5678", pix.KeyPhone }, []string{"payee.key: looks like a telephone without its country, as in +5511999990000"}},
		"landline":          {func(s *pix.Submission) { s.Payee.Key = "11 3333-4444" }, []string{"payee.key: looks like a telephone without its country, as in +5511999990000"}},
		"new account type":  {func(s *pix.Submission) { s.PayeeFacts.AccountType = pix.UnknownAccount }, nil},
		"new kind of key":   {func(s *pix.Submission) { s.Payee.Key = "brand-new"; s.PayeeFacts.KeyKind = pix.UnknownKey }, nil},
		"no payer account":  {func(s *pix.Submission) { s.Payer.Account = "" }, []string{"payer.account: required"}},
		"empty account":     {func(s *pix.Submission) { s.Payer.Account = "--" }, []string{"payer.account: must hold letters or digits"}},
		"payee by key only": {func(s *pix.Submission) { s.Payee.Account = "" }, nil},
		"payee unnamed":     {func(s *pix.Submission) { s.Payee.Account, s.Payee.Key = "", "" }, []string{"payee.account: an account or a key is required"}},
		"inbound payee":     {func(s *pix.Submission) { s.Direction, s.Payee.Account = pix.Inbound, "" }, []string{"payee.account: required"}},
		"no ispb":           {func(s *pix.Submission) { s.PayerFacts.ISPB, s.PayeeFacts.ISPB = "", "x" }, []string{"payer.ispb: required", "payee.ispb: must be 8 characters 0-9 or A-Z"}},
		"zero amount":       {func(s *pix.Submission) { s.Amount = 0 }, []string{"amountCentavos: must be more than 0 and at most R$ 1 trillion"}},
		"overflow":          {func(s *pix.Submission) { s.Amount = pix.MaxAmount + 1 }, []string{"amountCentavos: must be more than 0 and at most R$ 1 trillion"}},
		"future":            {func(s *pix.Submission) { s.EventTime = now().Add(301 * time.Second) }, []string{"eventTime: more than 5 minutes in the future"}},
		"clock skew":        {func(s *pix.Submission) { s.EventTime = now().Add(5 * time.Minute) }, nil},
		"before pix":        {func(s *pix.Submission) { s.EventTime = time.Date(2020, 11, 15, 23, 59, 59, 0, time.UTC) }, []string{"eventTime: before Pix began", "endToEndId: its minute is more than 12 hours from eventTime"}},
		"scheduled":         {func(s *pix.Submission) { s.ID = "E12345678202611240230aB3dE5fG7hI" }, nil},
		"id of another day": {func(s *pix.Submission) { s.ID = "E12345678202611240231aB3dE5fG7hI" }, []string{"endToEndId: its minute is more than 12 hours from eventTime"}},
		"salary payee":      {func(s *pix.Submission) { s.PayeeFacts.AccountType = pix.Salary }, []string{"payee.accountType: a salary account never receives"}},
		"salary payer":      {func(s *pix.Submission) { s.PayerFacts.AccountType = pix.Salary }, nil},
		"closed sets":       {func(s *pix.Submission) { s.Direction, s.Initiation, s.Purpose = "UP", "", "NONE" }, []string{"direction: not one of the known values", "initiation: required", "purpose: not one of the known values"}},
		"txid on key":       {func(s *pix.Submission) { s.TxID = "abc" }, []string{"txid: must be empty on MANU and DICT"}},
		"static txid":       {func(s *pix.Submission) { s.Initiation, s.TxID = pix.StaticQR, pix.Secret(strings.Repeat("a", 26)) }, []string{"txid: must be letters and digits: 26 to 35 of them on a dynamic charge, up to 25 on a static one"}},
		"dynamic txid":      {func(s *pix.Submission) { s.Initiation, s.TxID = pix.DynamicQR, pix.Secret(strings.Repeat("a", 26)) }, nil},
		"negative session":  {func(s *pix.Submission) { s.Session.Duration = pix.Some(-time.Nanosecond) }, []string{"session.duration: must be 0 to 7 days"}},
		"negative counter":  {func(s *pix.Submission) { s.DICT.Settlements.M6 = pix.Some(int64(-1)) }, []string{"dict.settlements: out of bounds"}},
		"future fact":       {func(s *pix.Submission) { s.Device.FirstSeenAt = pix.Some(now().Add(time.Hour)) }, []string{"device.firstSeenAt: more than 5 minutes in the future"}},
		"no such state":     {func(s *pix.Submission) { s.PayerFacts.State = "C " }, []string{"payer.state: must be one of the 27 states of Brazil, in two capitals"}},
		"long name":         {func(s *pix.Submission) { s.Payer.Name = pix.Secret(strings.Repeat("ã", 141)) }, []string{"payer.name: must be UTF-8 of at most 140 characters"}},
		"device id":         {func(s *pix.Submission) { s.DeviceID = "a\x00b" }, []string{"device.id: holds a character that is not allowed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := submission()
			c.change(&s)
			if d := cmp.Diff(c.want, problems(t, s.Validate(now()))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTransactionValidate(t *testing.T) {
	t.Parallel()
	tokens := newTokenizer(t, 2, 'a')
	account := tokens.Token(pix.AccountToken, "x").Current
	for name, c := range map[string]struct {
		change func(*pix.Transaction)
		want   []string
	}{
		"valid":         {func(*pix.Transaction) {}, nil},
		"no payer":      {func(t *pix.Transaction) { t.Payer.Account = pix.TokenPair{} }, []string{"payer.accountToken: required"}},
		"raw for token": {func(t *pix.Transaction) { t.Payer.Owner.Current = "52998224725" }, []string{"payer.ownerToken: the current token is malformed or of another kind"}},
		"other kind":    {func(t *pix.Transaction) { t.Payee.Owner.Current = account }, []string{"payee.ownerToken: the current token is malformed or of another kind"}},
		"previous only": {func(t *pix.Transaction) { t.DeviceToken = pix.TokenPair{Previous: t.DeviceToken.Current} }, []string{"device.token: the previous token is given without the current one"}},
		"one version":   {func(t *pix.Transaction) { t.Payer.Account.Previous = account }, []string{"payer.accountToken: both tokens have the same key version"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := submission()
			tx := tokens.Tokenize(&s)
			c.change(&tx)
			if d := cmp.Diff(c.want, problems(t, tx.Validate(now()))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTokenizeDerivesKinds(t *testing.T) {
	t.Parallel()
	s := submission()
	tx := newTokenizer(t, 1, 'a').Tokenize(&s)
	if tx.PayerFacts.Person != pix.NaturalPerson || tx.PayeeFacts.Person != pix.LegalPerson ||
		tx.PayerFacts.KeyKind != pix.KeyPhone || tx.PayeeFacts.KeyKind != pix.KeyEmail {
		t.Errorf("derived %+v and %+v", tx.PayerFacts, tx.PayeeFacts)
	}
	if s.PayerFacts.Person != "" {
		t.Error("the submission was changed")
	}
}

// rawValues are the identifiers of submission and spellings of them that a leak could take.
func rawValues(s *pix.Submission) []string {
	out := []string{s.DeviceID.Reveal()}
	for _, p := range []pix.RawParty{s.Payer, s.Payee} {
		for _, v := range []pix.Secret{p.Document, p.Branch, p.Account, p.Key, p.Name} {
			out = append(out, v.Reveal(), fmt.Sprintf("%x", v.Reveal()))
		}
	}
	return out
}

// TestNothingPrintsRawValues breaks every identifier in turn and prints the payment and its problems in every way.
func TestNothingPrintsRawValues(t *testing.T) {
	t.Parallel()
	broken := submission()
	broken.Payer = pix.RawParty{Document: "99988877766", Branch: "#branch#", Account: "#account#", Key: "+0#key#", Name: pix.Secret("\xff#name#")}
	broken.Payee = pix.RawParty{Document: "88877766655", Branch: "~branch~", Account: "~account~", Key: "33322211100", Name: pix.Secret("\xff~name~")}
	broken.DeviceID = "\x00device"
	for _, s := range []pix.Submission{submission(), broken} {
		var out bytes.Buffer
		err := s.Validate(now())
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%e", "%c"} {
			fmt.Fprintf(&out, verb+"\n"+verb+"\n"+verb+"\n", s, &s, s.Payer.Document)
			fmt.Fprintf(&out, "%v %+v %#v", err, err, problems(t, err))
		}
		for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(h).Info("m", "submission", s, "pointer", &s, "key", s.Payer.Key, "error", err)
		}
		data, jsonErr := json.Marshal(s)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		out.Write(data)
		tx := newTokenizer(t, 1, 'a').Tokenize(&s)
		fmt.Fprintf(&out, "%+v %#v", tx, tx)
		for _, raw := range rawValues(&s) {
			if strings.Contains(out.String(), raw) {
				t.Errorf("leaks %q", raw)
			}
		}
	}
}

func TestSamePayment(t *testing.T) {
	t.Parallel()
	v1 := pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte{'a'}, 32)}
	v2 := pix.TokenKey{Version: 2, Secret: bytes.Repeat([]byte{'b'}, 32)}
	before := newTokenizer(t, 1, 'a')
	during, err := pix.NewTokenizer(v2, &v1)
	if err != nil {
		t.Fatal(err)
	}
	s := submission()
	a := before.Tokenize(&s)
	for name, c := range map[string]struct {
		tokens *pix.Tokenizer
		change func(*pix.Submission)
		want   bool
	}{
		"identical":            {before, func(*pix.Submission) {}, true},
		"across a rotation":    {during, func(*pix.Submission) {}, true},
		"after a rotation":     {newTokenizer(t, 2, 'b'), func(*pix.Submission) {}, true},
		"received again":       {before, func(s *pix.Submission) { s.ReceivedAt = now() }, true},
		"other amount":         {before, func(s *pix.Submission) { s.Amount++ }, false},
		"other time":           {before, func(s *pix.Submission) { s.EventTime = s.EventTime.Add(time.Millisecond) }, false},
		"other direction":      {before, func(s *pix.Submission) { s.Direction = pix.Internal }, false},
		"other payee":          {before, func(s *pix.Submission) { s.Payee.Account = "1" }, false},
		"other payee, rotated": {during, func(s *pix.Submission) { s.Payee.Account = "1" }, false},
		"no payee account":     {before, func(s *pix.Submission) { s.Payee.Account = "" }, false},
		"other charge":         {before, func(s *pix.Submission) { s.TxID = "another" }, false},
		"other institution":    {before, func(s *pix.Submission) { s.PayeeFacts.ISPB = "00000000" }, false},
	} {
		s := submission()
		c.change(&s)
		b := c.tokens.Tokenize(&s)
		if pix.SamePayment(&a, &b) != c.want || pix.SamePayment(&b, &a) != c.want {
			t.Errorf("%s: want %v", name, c.want)
		}
	}
}
