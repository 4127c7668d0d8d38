package push

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of what Pub/Sub writes beside the payload, as JSON: a hundred attributes of which every byte is escaped, and names
// of its own. A body that is nothing but attributes would become ten times its size.
const (
	maxAttributesBytes = 1 << 20
	maxShortBytes      = 4 << 10
)

// fieldError says which part of a push has not the form that it needs.
type fieldError pix.Problem

// Error implements error.
func (e *fieldError) Error() string { return e.Field + ": " + e.Reason }

var (
	errNotBase64  = &fieldError{"message.data", `needs a text in standard base64, padded and on one line, as "aGVsbG8="`}
	errNotText    = &fieldError{"message", fmt.Sprintf(`messageId and publishTime need texts of at most %d bytes, as "2070443601311540"`, maxShortBytes)}
	errNoID       = &fieldError{"message.messageId", `required, as "2070443601311540": Pub/Sub gives every message one`}
	errAttributes = &fieldError{"message.attributes", fmt.Sprintf(`needs an object of at most %d texts, as {"schema":"pix.v1.Status"}`, bus.MaxAttributes)}
)

// base64Text is the bytes behind a text in base64, decoded where it lies: a copy of it would be as large as the body.
type base64Text []byte

// UnmarshalJSON refuses what the standard decoder would let pass: line breaks and stray bits in the last character.
func (b *base64Text) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	if raw[0] != '"' {
		return errNotBase64
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 { // some escape the slash
		var plain string
		if json.Unmarshal(raw, &plain) != nil {
			return errNotBase64
		}
		text = []byte(plain)
	}
	return b.decode(text)
}

func (b *base64Text) decode(text []byte) error {
	if bytes.ContainsAny(text, "\r\n") {
		return errNotBase64
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(data, text)
	if err != nil {
		return errNotBase64
	}
	*b = data[:n]
	return nil
}

// shortText is a text of bounded length: some are kept.
type shortText string

// UnmarshalJSON implements json.Unmarshaler.
func (s *shortText) UnmarshalJSON(raw []byte) error {
	if len(raw) > maxShortBytes || json.Unmarshal(raw, (*string)(s)) != nil {
		return errNotText
	}
	return nil
}

// attributes are a message's, of bounded number and length.
type attributes map[string]string

// UnmarshalJSON stops at the first attribute that is too many, before there is a map of a million.
func (a *attributes) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	if start, err := in.Token(); len(raw) > maxAttributesBytes || err != nil || start != json.Delim('{') {
		return errAttributes
	}
	read := attributes{}
	for in.More() {
		name, err := in.Token()
		key, isText := name.(string)
		if err != nil || !isText || len(read) == bus.MaxAttributes {
			return errAttributes
		}
		var value string // null is an empty one
		if in.Decode(&value) != nil {
			return errAttributes
		}
		read[key] = value
	}
	*a = read
	return nil
}
