package event

import (
	"bytes"
	"encoding/json"
	"errors"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// errUnwritable stands for errors of protojson and proto, which quote what they are given and never leave this package.
var errUnwritable = errors.New("message holds text that is not UTF-8 or a time out of range")

const tooLarge = "larger than 10 MB; send one payment, which takes about 1 kB"

// refuse is an error about a message as a whole.
func refuse(kind pix.Kind, op, reason string) error {
	return pix.E(kind, op, &pix.Problems{List: []pix.Problem{{Reason: reason}}})
}

// check looks at size, schema and encoding of an envelope and returns the encoding.
func check(op string, e Envelope, schema string) (string, error) {
	if len(e.Data) > MaxDataBytes {
		return "", refuse(pix.TooLarge, op, tooLarge)
	}
	if s := e.Attributes[AttrSchema]; s != "" && s != schema {
		return "", refuse(pix.UnknownSchema, op, "the attribute "+AttrSchema+" names another type than is read here; leave it out or write it as in "+schema)
	}
	switch encoding := e.Attributes[AttrEncoding]; encoding {
	case "", EncodingJSON:
		return EncodingJSON, nil
	case EncodingProto:
		return EncodingProto, nil
	default:
		return "", refuse(pix.UnknownSchema, op, "the attribute "+AttrEncoding+" is neither json nor proto; leave it out for JSON or write it as in "+EncodingProto)
	}
}

// open reads the payload of e into m, a message of the given schema that our own parts wrote: what m does not know comes
// of a newer release and is left out.
func open(op string, e Envelope, schema string, m proto.Message) error {
	encoding, err := check(op, e, schema)
	if err != nil {
		return err
	}
	if encoding == EncodingProto {
		err = proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}.Unmarshal(e.Data, m)
	} else {
		err = protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}.Unmarshal(e.Data, m)
	}
	if err != nil { // its text quotes the input
		return refuse(pix.Invalid, op, "malformed "+encoding+", or another type than "+schema)
	}
	return nil
}

// seal writes m as proto, with the attributes that every message carries.
func seal(schema string, id pix.EndToEndID, m proto.Message) (Envelope, error) {
	data, err := proto.Marshal(m)
	if err != nil {
		return Envelope{}, &pix.Error{Kind: pix.Invalid, Op: "write proto", Err: errUnwritable}
	}
	if len(data) > MaxDataBytes {
		return Envelope{}, refuse(pix.TooLarge, "write proto", tooLarge)
	}
	return envelope(schema, id, data), nil
}

// envelope adds the attributes that every proto message carries.
func envelope(schema string, id pix.EndToEndID, data []byte) Envelope {
	return Envelope{Data: data, Attributes: map[string]string{
		AttrSchema: schema, AttrEncoding: EncodingProto, AttrEventID: string(id),
	}}
}

// writeJSON writes m in the JSON mapping, compacted: protojson varies its blanks on purpose, and the same seed has to
// give the same bytes.
func writeJSON(m proto.Message) ([]byte, error) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return nil, &pix.Error{Kind: pix.Invalid, Op: "write JSON", Err: errUnwritable}
	}
	var out bytes.Buffer
	out.Grow(len(data))
	if err := json.Compact(&out, data); err != nil {
		return nil, &pix.Error{Kind: pix.Unexpected, Op: "write JSON", Err: errUnwritable}
	}
	return out.Bytes(), nil
}
