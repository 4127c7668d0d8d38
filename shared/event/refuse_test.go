package event_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func attributes(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func TestDecodeTransactionRefuses(t *testing.T) {
	t.Parallel()
	valid := string(example(t))
	deep := `{"x":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`
	swap := func(old, with string) string {
		if !strings.Contains(valid, old) {
			t.Fatalf("the example does not contain %s", old)
		}
		return strings.Replace(valid, old, with, 1)
	}
	for name, c := range map[string]struct {
		data       string
		attributes map[string]string
		kind       pix.Kind
		detail     string
	}{
		"empty":             {"", nil, pix.Invalid, "empty; expected a JSON object"},
		"not JSON":          {"{\n  nope", nil, pix.Invalid, "malformed JSON at 2:3"},
		"truncated":         {valid[:100], nil, pix.Invalid, "malformed JSON"},
		"array":             {"[]", nil, pix.Invalid, "an array; a message holds one object"},
		"deep":              {deep, nil, pix.Invalid, "nested deeper than 32 levels at 1:37"},
		"text for a number": {swap(`125000`, `"abc"`), nil, pix.Invalid, "amountCentavos: whole centavos, 1599 for R$ 15,99"},
		"fraction":          {swap(`125000`, `1250.5`), nil, pix.Invalid, "amountCentavos: whole centavos, 1599 for R$ 15,99"},
		"overflow":          {swap(`125000`, `9223372036854775808`), nil, pix.Invalid, "amountCentavos: whole centavos, 1599 for R$ 15,99"},
		"NaN":               {swap(`125000`, `"NaN"`), nil, pix.Invalid, "amountCentavos: whole centavos, 1599 for R$ 15,99"},
		"no zone":           {swap(`12.345Z`, `12.345`), nil, pix.Invalid, "eventTime: needs a zone, as in 2026-11-23T14:05:00-03:00"},
		"unknown enum":      {swap(`PURPOSE_IPAY`, `PURPOSE_X`), nil, pix.Invalid, "purpose: one of IPAY, GSCB, OTHR, REFU, IPRT, as in"},
		"unknown enum deep": {swap(`ACCOUNT_TYPE_TRAN`, `x`), nil, pix.Invalid, "payee.accountType: one of CACC, SVGS, TRAN, SLRY, OTHR, as in"},
		"enum number":       {swap(`"PURPOSE_IPAY"`, `99`), nil, pix.Invalid, "purpose: one of IPAY"},
		"weight":            {swap(`125000`, `1, "samplingWeight": -1`), nil, pix.Invalid, "samplingWeight: must be a number"},
		"weight NaN":        {swap(`125000`, `1, "samplingWeight": "NaN"`), nil, pix.Invalid, "samplingWeight: a number, as in 0.25"},
		"weight infinite":   {swap(`125000`, `1, "samplingWeight": "Infinity"`), nil, pix.Invalid, "samplingWeight: a number, as in 0.25"},
		"long counter":      {swap(`"watermark"`, `"long": {"settlements": {"m12": -1}}, "watermark"`), nil, pix.Invalid, "dict.long.settlements: out of"},
		"long amount":       {swap(`"watermark"`, `"long": {"fraudCentavos": {"m60": 100000000000001}}, "watermark"`), nil, pix.Invalid, "dict.long.fraudCentavos: out of"},
		"long watermark":    {swap(`"watermark"`, `"long": {"watermark": "2026-12-01T00:00:00Z"}, "watermark"`), nil, pix.Invalid, "dict.long.watermark: more than"},
		"empty id":          {swap(`E12345678202611231430aB3dE5fG7hI`, ``), nil, pix.Invalid, "endToEndId: required"},
		"raw and token": {swap(`"ispb": "A1B2C3D4",`, `"ispb": "A1B2C3D4", "ownerToken": {"current": "x"},`), nil, pix.Invalid,
			"payee.ownerToken: given together with raw identifiers"},
		"raw and token of the charge": {swap(`125000`, `1, "txidToken": {"current": "x"}`), nil, pix.Invalid,
			"txidToken: given together with raw identifiers"},
		"schema":       {valid, attributes("schema", "pix.v1.Status"), pix.UnknownSchema, "schema"},
		"next major":   {valid, attributes("schema", "pix.v2.Transaction"), pix.UnknownSchema, "schema"},
		"encoding":     {valid, attributes("encoding", "avro"), pix.UnknownSchema, "encoding"},
		"bad proto":    {"\xff\xff", attributes("encoding", "proto"), pix.Invalid, "malformed protobuf"},
		"empty proto":  {"", attributes("encoding", "proto"), pix.Invalid, "endToEndId: required; as in"},
		"JSON as such": {valid, attributes("encoding", "proto"), pix.Invalid, ""},
		"too large":    {strings.Repeat(" ", event.MaxDataBytes) + valid, nil, pix.TooLarge, "10 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := event.Envelope{Data: []byte(c.data), Attributes: c.attributes}
			_, err := event.DecodeTransaction(e, tokenizer(t), now())
			if err == nil || pix.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.detail) {
				t.Errorf("kind %v: %v", pix.KindOf(err), err)
			}
		})
	}
}

// TestEveryProblemAtOnce also mixes what reading finds with what validation finds.
func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	data := `{"endToEndId":"E1","direction":"SIDEWAYS","newField":1,"payer":{"document":"52998224726","branch":"1"},
		"payee":{"ispb":"A1B2C3D4","key":"a@b.co"},"session":{"duration":"-1s"}}`
	_, err := event.DecodeTransaction(event.Envelope{Data: []byte(data)}, tokenizer(t), now())
	var p *pix.Problems
	if !errors.As(err, &p) {
		t.Fatal(err)
	}
	var fields []string
	for _, one := range p.List {
		fields = append(fields, one.Field)
	}
	want := []string{"direction", "session.duration", "newField", "endToEndId", "eventTime", "amountCentavos", "initiation",
		"payer.ispb", "payer.document", "payer.account"}
	if d := cmp.Diff(want, fields); d != "" {
		t.Error(d)
	}
}

// TestErrorsNeverQuoteThePayload puts a marker into every value of the example in turn, as text and as a broken token.
func TestErrorsNeverQuoteThePayload(t *testing.T) {
	t.Parallel()
	const marker = "LEAKED"
	var lines []string
	for line := range strings.Lines(string(example(t))) {
		lines = append(lines, line)
	}
	refused := 0
	for i, line := range lines {
		name, value, found := strings.Cut(line, ": ")
		if !found || strings.HasPrefix(value, "{") {
			continue
		}
		comma := ""
		if strings.HasSuffix(strings.TrimSpace(value), ",") {
			comma = ","
		}
		for _, bad := range []string{`"` + marker + `"`, marker, `{"` + marker + `":"` + marker + `"}`, `["` + marker + `"]`} {
			changed := append([]string(nil), lines...)
			changed[i] = name + ": " + bad + comma + "\n"
			data := []byte(strings.Join(changed, ""))
			_, err := event.DecodeTransaction(event.Envelope{Data: data}, tokenizer(t), now())
			if err != nil {
				refused++
			}
			_, err2 := event.DecodeSubmissionJSON(data)
			if err := errors.Join(err, err2); err != nil && strings.Contains(err.Error(), marker) {
				t.Errorf("line %d as %s: %v", i+1, bad, err)
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d variants were refused: the test lost its teeth", refused)
	}
}

func TestDecodedPaymentsHoldNoRawIdentifier(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	env, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	d := pix.Decision{Transaction: tx, Outcome: pix.Reject}
	data, err := event.DecisionJSON(&d)
	if err != nil {
		t.Fatal(err)
	}
	dump, err := json.Marshal(tx)
	if err != nil {
		t.Fatal(err)
	}
	all := string(env.Data) + string(data) + string(dump)
	for _, raw := range []string{"529.982", "529982", "12.ABC", "12ABC", "1234567-8", "998877", "contato", "Maria", "Loja", "pixel"} {
		if strings.Contains(all, raw) {
			t.Errorf("%q survived the tokeniser", raw)
		}
	}
}

func TestDecisionsAlertsAndLabelsRefuse(t *testing.T) {
	t.Parallel()
	const id = `"endToEndId":"E12345678202611231430aB3dE5fG7hI","eventTime":"2026-11-23T14:30:12Z"`
	decision := func(s string) error {
		_, err := event.DecodeDecision(event.Envelope{Data: []byte(s)}, now())
		return err
	}
	alert := func(s string) error { _, err := event.DecodeAlert(event.Envelope{Data: []byte(s)}, now()); return err }
	label := func(s string) error { _, err := event.DecodeLabel(event.Envelope{Data: []byte(s)}, now()); return err }
	status := func(s string) error { _, err := event.DecodeStatus(event.Envelope{Data: []byte(s)}, now()); return err }
	const settled = id + `,"occurredAt":"2026-11-23T14:30:14Z"`
	const returned = settled + `,"state":"PAYMENT_STATE_RETURNED"`
	const returnID = `,"returnId":"D12345678202611231430aB3dE5fG7hI"`
	for name, c := range map[string]struct {
		decode func(string) error
		data   string
		detail string
	}{
		"decision":                  {decision, `{"transaction":{` + id + `},"outcome":"OUTCOME_REJECT"}`, ""},
		"decision without outcome":  {decision, `{"transaction":{` + id + `}}`, "outcome: missing"},
		"decision, unknown outcome": {decision, `{"transaction":{` + id + `},"outcome":9}`, "outcome: missing or not"},
		"decision without payment":  {decision, `{"outcome":"OUTCOME_REJECT"}`, "transaction.endToEndId: missing"},
		"decision with raw data":    {decision, `{"transaction":{` + id + `,"payer":{"name":"x"}},"outcome":1}`, "carries raw"},
		"decision, raw as token":    {decision, `{"transaction":{` + id + `,"payer":{"ownerToken":{"current":"52998224725"}}},"outcome":1}`, "transaction.payer.ownerToken: not a token"},
		"decision, unknown role":    {decision, `{"transaction":{` + id + `},"outcome":1,"scores":[{"role":7}]}`, "scores.role"},
		"decision, raw txid":        {decision, `{"transaction":{` + id + `,"txid":"52998224725"},"outcome":1}`, "transaction: carries raw"},
		"decision, txid as token":   {decision, `{"transaction":{` + id + `,"txidToken":{"current":"52998224725"}},"outcome":1}`, "transaction.txidToken: not a token"},
		"alert":                     {alert, `{` + id + `,"outcome":"OUTCOME_BLOCK"}`, ""},
		"alert without outcome":     {alert, `{` + id + `}`, "outcome: required"},
		"alert, raw as token":       {alert, `{` + id + `,"outcome":2,"payerToken":"12345"}`, "payerToken: not a token"},
		"label":                     {label, `{` + id + `,"arrivedAt":"2026-11-23T14:30:14Z","source":"LABEL_SOURCE_MED"}`, ""},
		"label without source":      {label, `{` + id + `,"arrivedAt":"2026-11-23T14:30:14Z"}`, "source: required"},
		"label, bad amount":         {label, `{` + id + `,"arrivedAt":"2026-11-23T14:30:14Z","source":1,"amountCentavos":-1}`, "amountCentavos"},
		"label, typology":           {label, `{` + id + `,"arrivedAt":"2026-11-23T14:30:14Z","source":1,"typology":"52998224725"}`, "typology: must be one of account_takeover,"},
		"label without arrival":     {label, `{` + id + `,"source":1}`, "arrivedAt: required"},
		"decision, unknown shadow":  {decision, `{"transaction":{` + id + `},"outcome":1,"shadowScores":[{}]}`, "shadowScores.role"},
		"status":                    {status, `{` + settled + `,"state":"PAYMENT_STATE_SETTLED"}`, ""},
		"status, return":            {status, `{` + returned + returnID + `,"returnedCentavos":1}`, ""},
		"status, no id":             {status, `{"state":1}`, "eventTime: required; a date and a time with its zone, as in"},
		"status, no state":          {status, `{` + settled + `}`, "state: required"},
		"status, unknown state":     {status, `{` + settled + `,"state":9}`, "state: one of SETTLED, REJECTED, RETURNED"},
		"status before payment":     {status, `{` + id + `,"occurredAt":"2026-11-23T14:20:00Z","state":1}`, "occurredAt: more than 5"},
		"status of tomorrow":        {status, `{` + id + `,"occurredAt":"2026-11-24T14:20:00Z","state":1}`, "occurredAt: more than 5"},
		"status, reason":            {status, `{` + settled + `,"state":2,"reasonCode":"Maria"}`, "reasonCode: must"},
		"return without id":         {status, `{` + returned + `,"returnedCentavos":1}`, "returnId: required"},
		"return with payment's id":  {status, `{` + returned + `,"returnId":"E12345678202611231430aB3dE5fG7hI","returnedCentavos":1}`, "returnId: must start with D"},
		"return of nothing":         {status, `{` + returned + returnID + `}`, "returnedCentavos: must be more"},
		"settled with return id":    {status, `{` + settled + `,"state":1` + returnID + `}`, "returnId: must be missing"},
		"rejected with amount":      {status, `{` + settled + `,"state":2,"returnedCentavos":1}`, "returnedCentavos: must be missing"},
	} {
		err := c.decode(c.data)
		if (err == nil) != (c.detail == "") || err != nil && (pix.KindOf(err) != pix.Invalid || !strings.Contains(err.Error(), c.detail)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncodersRefuse(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	if _, err := event.EncodeDecision(&pix.Decision{Transaction: tx}); pix.KindOf(err) != pix.Invalid {
		t.Errorf("a decision without an outcome: %v", err)
	}
	bad := tx
	bad.PayerFacts.State = "\xff"
	if _, err := event.EncodeTransaction(&bad); pix.KindOf(err) != pix.Invalid || strings.Contains(err.Error(), "\xff") {
		t.Errorf("text that is not UTF-8: %v", err)
	}
	bad = tx
	bad.Purpose = "NONE"
	if _, err := event.EncodeTransaction(&bad); pix.KindOf(err) != pix.Invalid {
		t.Errorf("a code outside its set: %v", err)
	}
}

// TestRawFieldsAreMarked keeps debug_redact on everything that identifies somebody.
func TestRawFieldsAreMarked(t *testing.T) {
	t.Parallel()
	redacted := map[string]bool{}
	for _, m := range []proto.Message{&pixv1.Transaction{}, &pixv1.Party{}, &pixv1.Device{}} {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if o, ok := fields.Get(i).Options().(*descriptorpb.FieldOptions); ok && o.GetDebugRedact() {
				redacted[string(fields.Get(i).Name())] = true
			}
		}
	}
	want := map[string]bool{"document": true, "branch": true, "account": true, "key": true, "name": true, "id": true, "txid": true}
	if d := cmp.Diff(want, redacted); d != "" {
		t.Error(d)
	}
}

// TestTxIDNeverPassesTheFirstHop: a charge's id may hold a CPF. Every form of a payment past the first hop has a token of
// it, and a payment whose only raw identifier it is counts as raw.
func TestTxIDNeverPassesTheFirstHop(t *testing.T) {
	t.Parallel()
	const txid = "52998224725abcdefghijklmnop"
	data := strings.Replace(string(example(t)), `"INITIATION_DICT"`, `"INITIATION_QRDN", "txid": "`+txid+`"`, 1)
	tx, err := event.DecodeTransaction(event.Envelope{Data: []byte(data)}, tokenizer(t), now())
	if err != nil || tx.TxIDToken != tokenizer(t).Token(pix.ChargeToken, txid) || tx.TxIDToken.Previous == "" {
		t.Fatalf("%v, %v", tx.TxIDToken, err)
	}
	payment, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	d := pix.Decision{Transaction: tx, Outcome: pix.Review, DecidedAt: now()}
	decision, err := event.EncodeDecision(&d)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := event.DecisionJSON(&d)
	if err != nil {
		t.Fatal(err)
	}
	for form, bytes := range map[string][]byte{"payment": payment.Data, "decision": decision.Data, "answer": answer} {
		if text := string(bytes); strings.Contains(text, "52998224725") || !strings.Contains(text, string(tx.TxIDToken.Current)) {
			t.Errorf("%s: %s", form, text)
		}
	}
	if again, err := event.DecodeTransaction(payment, nil, now()); err != nil || again != tx {
		t.Errorf("read again: %v", err)
	}
	alone := event.Envelope{Data: []byte(`{"txid":"` + txid + `","payer":{"accountToken":{"current":"acct.1.AAAAAAAAAAAAAAAAAAAAAA"}}}`)}
	if _, err := event.DecodeTransaction(alone, tokenizer(t), now()); err == nil || !strings.Contains(err.Error(), "payer.accountToken: given together") {
		t.Errorf("tokens beside a raw txid: %v", err)
	}
}
