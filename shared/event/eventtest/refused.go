// Package eventtest holds payments that are refused, for the tests of every door.
package eventtest

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// Honest is a payment none of whose values is in the example of a problem.
const Honest = `{
  "endToEndId": "E98765432202611231425zZ9yY8xX7wW",
  "eventTime": "2026-11-23T14:25:31.987Z",
  "direction": "DIRECTION_OUTBOUND",
  "amountCentavos": 424242,
  "initiation": "INITIATION_DICT",
  "payer": {"ispb": "98765432", "accountType": "ACCOUNT_TYPE_CACC", "document": "390.533.447-05", "branch": "7777", "account": "8888777-1", "name": "Joana Canario", "balanceCentavos": 676767, "state": "RJ"},
  "payee": {"ispb": "B7C8D9E0", "key": "canario@exemplo.net", "keyKind": "EMAIL"},
  "device": {"id": "canario-device", "firstSeenAt": "2026-11-20T13:50:07Z", "remoteAccess": true},
  "session": {"duration": "61.25s", "failedLogins": 2},
  "dict": {"settlements": {"d3": 5}}
}
`

// Refused are payments that people and programs sent wrongly, by what is wrong: every door must say what to mend.
func Refused(tb testing.TB) map[string]event.Envelope {
	tb.Helper()
	all := map[string]event.Envelope{}
	as := func(name, data string, attributes ...string) {
		m := map[string]string{}
		for i := 0; i < len(attributes); i += 2 {
			m[attributes[i]] = attributes[i+1]
		}
		all[name] = event.Envelope{Data: []byte(data), Attributes: m}
	}
	swap := func(name string, oldNew ...string) {
		data := strings.NewReplacer(oldNew...).Replace(Honest)
		if data == Honest {
			tb.Fatalf("%s changes nothing", name)
		}
		as(name, data)
	}
	textDefects(as)
	syntaxDefects(as, swap)
	typeDefects(swap)
	valueDefects(swap)
	nameDefects(swap)
	as("schema of another type", Honest, "schema", "pix.v1.Canario")
	as("encoding nobody knows", Honest, "encoding", "canario")
	as("too large", strings.Repeat(" ", event.MaxDataBytes)+Honest)
	as("JSON as proto", Honest, "encoding", "proto")
	as("proto cut off", "\x0a\x20E98765432", "encoding", "proto")
	as("proto of nothing", "", "encoding", "proto")
	as("proto, wire type", "\x08\x01", "encoding", "proto")
	as("proto, unknown field", "\xf8\x07\x01", "encoding", "proto")
	as("proto, malformed inside", "\x5a\x02\x0a\x09", "encoding", "proto")
	return all
}

func textDefects(as func(string, string, ...string)) {
	units := utf16.Encode([]rune(Honest))
	little, big := []byte{0xff, 0xfe}, []byte{0xfe, 0xff}
	for _, u := range units {
		little = append(little, byte(u), byte(u>>8))
		big = append(big, byte(u>>8), byte(u))
	}
	as("byte order mark", "\xef\xbb\xbf"+Honest)
	as("UTF-16, little end first", string(little))
	as("UTF-16, big end first", string(big))
	as("UTF-16 without a mark", string(little[2:]))
	as("Latin-1", strings.Replace(Honest, "Joana Canario", "Jo\xe3o Canario", 1))
	as("gzip", "\x1f\x8b\x08\x00canario")
	as("empty", "")
	as("blanks", " \n\t ")
	as("top-level array", "["+Honest+"]")
	as("top-level text", `"canario"`)
	as("top-level number", "424242")
	as("top-level null", "null")
	as("NDJSON", strings.ReplaceAll(Honest, "\n", " ")+"\n"+strings.ReplaceAll(Honest, "\n", " "))
	as("two documents", Honest+Honest)
	as("text after the document", Honest+"canario")
}

func syntaxDefects(as func(string, string, ...string), swap func(string, ...string)) {
	swap("trailing comma", `{"d3": 5}}`, `{"d3": 5},}`)
	swap("single quotes", `"7777"`, `'7777'`)
	swap("single quotes of a name", `"branch"`, `'branch'`)
	swap("name without quotes", `"branch"`, `branch`)
	swap("no comma", `"7777",`, `"7777"`)
	swap("no colon", `"branch":`, `"branch"`)
	swap("no value", `"7777"`, ``)
	swap("comment", `"payer":`, `// canario`+"\n"+`"payer":`)
	swap("control character", "Joana Canario", "Joana\nCanario")
	swap("escape", "Joana Canario", `Joana\x43anario`)
	swap("half a surrogate pair", "Joana Canario", `Joana\ud83dCanario`)
	swap("bare NaN", "424242", "NaN")
	swap("leading zero", "424242", "0424242")
	swap("plus", "424242", "+424242")
	swap("True of Python", `"remoteAccess": true`, `"remoteAccess": True`)
	swap("too deep", `"settlements": {"d3": 5}`, `"canario": `+strings.Repeat("[", 40)+strings.Repeat("]", 40))
	as("cut off between fields", Honest[:strings.Index(Honest, `"amountCentavos"`)])
	as("cut off in a text", Honest[:strings.Index(Honest, "Canario")+3])
}

func typeDefects(swap func(string, ...string)) {
	swap("amount as text", "424242", `"canario"`)
	swap("amount with decimals", "424242", "4242.42")
	swap("amount with a comma", "424242", `"4242,42"`)
	swap("amount in reais", "424242", `"R$ 4.242,42"`)
	swap("amount as an object", "424242", `{"value": 424242}`)
	swap("amount as an array", "424242", `[424242]`)
	swap("amount as a flag", "424242", `true`)
	swap("amount beyond 64 bits", "424242", `92233720368547758099`)
	swap("balance with decimals", "676767", "6767.67")
	swap("count as text", `"failedLogins": 2`, `"failedLogins": "canario"`)
	swap("count inside dict", `"d3": 5`, `"d3": 5.5`)
	swap("number for a text", `"7777"`, `7777`)
	swap("object for a text", `"8888777-1"`, `{"number": "8888777-1"}`)
	swap("array for a text", `"390.533.447-05"`, `["390.533.447-05"]`)
	swap("text for an object", `{"d3": 5}`, `"canario"`)
	swap("array for an object", `{"duration": "61.25s", "failedLogins": 2}`, `[{"duration": "61.25s"}]`)
	swap("text for a flag", `"remoteAccess": true`, `"remoteAccess": "true"`)
	swap("number for a flag", `"remoteAccess": true`, `"remoteAccess": 1`)
	swap("three wrong types", "424242", `"canario"`, `"7777"`, `7777`, `"remoteAccess": true`, `"remoteAccess": "canario"`)
	swap("weight", `"dict":`, `"samplingWeight": "canario", "dict":`)
}

func valueDefects(swap func(string, ...string)) {
	const at = `"2026-11-23T14:25:31.987Z"`
	swap("time without a zone", at, `"2026-11-23T14:25:31.987"`)
	swap("time with a blank", at, `"2026-11-23 14:25:31.987-03:00"`)
	swap("seconds since 1970", at, `1795443931`)
	swap("milliseconds since 1970", at, `1795443931987`)
	swap("seconds as text", at, `"1795443931"`)
	swap("date alone", at, `"2026-11-22"`)
	swap("date of Brazil", at, `"23/11/2026 14:25:31"`)
	swap("tenth digit of a second", at, `"2026-11-23T14:25:31.9876543210Z"`)
	swap("30 February", at, `"2026-02-30T14:25:31.987Z"`)
	swap("future", at, `"2026-11-24T01:25:31.987Z"`)
	swap("no time", at, `null`)
	swap("inner time without a zone", `"2026-11-20T13:50:07Z"`, `"2026-11-20T13:50:07"`)
	swap("duration as a number", `"61.25s"`, `61.25`)
	swap("duration of ISO 8601", `"61.25s"`, `"PT61.25S"`)
	swap("duration in milliseconds", `"61.25s"`, `"61250ms"`)
	swap("negative duration", `"61.25s"`, `"-61.25s"`)
	swap("enum in lower case", "DIRECTION_OUTBOUND", "outbound")
	swap("enum of another type", "INITIATION_DICT", "PURPOSE_IPAY")
	swap("unknown direction", "DIRECTION_OUTBOUND", "SIDEWAYS")
	swap("unknown purpose", `"payer":`, `"purpose": "CANARIO", "payer":`)
	swap("unknown number of an enum", `"DIRECTION_OUTBOUND"`, "99")
	swap("enum that is an identifier", `"EMAIL"`, `"39053344705"`)
	swap("no direction", `"direction": "DIRECTION_OUTBOUND",`, "")
	swap("id too short", "E98765432202611231425zZ9yY8xX7wW", "E987")
	swap("id of another day", "E98765432202611231425", "E98765432202611201425")
	swap("no account", `"account": "8888777-1",`, "")
	swap("check digits", "390.533.447-05", "390.533.447-06")
	swap("telephone as document", "390.533.447-05", "21987654321")
	swap("13 digits as document", "390.533.447-05", "3905334470512")
	swap("telephone without its country", `"canario@exemplo.net", "keyKind": "EMAIL"`, `"21987654321", "keyKind": "PHONE"`)
	swap("telephone of no kind", `"canario@exemplo.net", "keyKind": "EMAIL"`, `"(21) 98765-4321"`)
	swap("key of another kind", `"EMAIL"`, `"EVP"`)
	swap("state", `"RJ"`, `"Rio de Janeiro"`)
	swap("negative amount", "424242", "-424242")
	swap("txid on a key", `"payer":`, `"txid": "canario", "payer":`)
}

func nameDefects(swap func(string, ...string)) {
	swap("misspelt flag", "remoteAccess", "remoteAcess")
	swap("misspelt in capitals", "endToEndId", "endToEndID")
	swap("misspelt in snake_case", "amountCentavos", "amount_centavo")
	swap("unknown everywhere", `"payer": {`, `"latitude": 1, "payer": {"nickname": "canario", `, `"d3"`, `"d7"`)
	swap("name with digits", `"branch"`, `"39053344705"`)
	swap("name like a key", `"branch"`, `"canario@exemplo.net"`)
	swap("name too long", `"branch"`, `"`+strings.Repeat("canario", 6)+`"`)
	swap("field twice", `"424242"`, `"1"`, `"initiation"`, `"amountCentavos": 1, "initiation"`)
	swap("both spellings", `"initiation"`, `"amount_centavos": 1, "initiation"`)
	swap("object twice", `"device"`, `"payer": {"ispb": "98765432"}, "device"`)
	swap("raw identifiers and tokens", `"key":`, `"accountToken": {"current": "acct.1.canario"}, "key":`)
	swap("nothing but facts", `"account": "8888777-1",`, "", `"document": "390.533.447-05", "branch": "7777",`, "", `"name": "Joana Canario",`, "",
		`"key": "canario@exemplo.net", "keyKind": "EMAIL"`, `"accountType": "CACC"`, `"id": "canario-device",`, "")
}

// Values are the parts of a document that no problem may contain: texts and numbers, but for the codes of the contract.
func Values(data []byte) []string {
	var all []string
	for _, m := range regexp.MustCompile(`"([^"]{3,})"\s*:|"([^"]{3,})"|([0-9.]{4,})`).FindAllSubmatch(data, -1) {
		for _, value := range m[2:] {
			if len(value) > 0 && !regexp.MustCompile(`^[A-Z]+_[A-Z_]+$|^EMAIL$|^EVP$|^PHONE$|^CACC$|^true$|^.\w+.: $`).Match(value) {
				all = append(all, string(value))
			}
		}
	}
	return append(all, "anari", "390", "8765432")
}
