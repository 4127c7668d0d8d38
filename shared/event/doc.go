// Package event is the wire format: the proto3 package pix.v1, its JSON mapping, and the attributes beside them.
//
// A message travels as an Envelope. Its attributes say which message it is (AttrSchema) and how it is encoded
// (AttrEncoding); without them it is JSON of the type that the consumer expects, so a person can publish a payment with
// nothing but a text editor. testdata/transaction.json is a whole example; the least that is accepted is
//
//	{
//	  "endToEndId": "E12345678202611231430aB3dE5fG7hI",
//	  "eventTime": "2026-11-23T14:30:12.345Z",
//	  "direction": "DIRECTION_OUTBOUND",
//	  "amountCentavos": 125000,
//	  "initiation": "INITIATION_DICT",
//	  "payer": {"ispb": "12345678", "branch": "0001", "account": "1234567-8"},
//	  "payee": {"ispb": "A1B2C3D4", "key": "contato@loja-exemplo.com.br"}
//	}
//
// Enum values are the codes of pacs.008 and DICT behind the name of their type, and are read without it too. Amounts are
// centavos; numbers may be written as strings, which is how 64-bit numbers are printed. Times carry a zone; durations
// are seconds ("72.5s"). Names of fields may be those of the .proto files as well; a field is given once.
//
// Only additive change. What our own parts write (tokens, and no raw identifier) is read leniently, so that releases can
// be mixed: a field that is not known is left out, and so is the value of an enumeration, which is counted. Where raw
// identifiers may come in, both are refused: a field spelt wrongly is a signal lost. DICT's enumerations (kind of key,
// type of account) may grow at any time: a new value is UNKNOWN everywhere, and counted. A payment without a direction
// or an initiation that this release knows is always refused.
//
// A payment carries raw identifiers or tokens, never both; DecodeTransaction tokenises, and nothing downstream of it
// sees a raw one. No error of this package contains anything from the payload but the position of a syntax error and
// the name of a field that is made of letters alone.
package event
