package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// maxDepth bounds how deep a message may nest. The contract needs four levels; the rest is room for fields of a newer
// producer.
const maxDepth = 32

// Errors of whole payloads. The errors of protojson and proto quote the input, so they never leave this package.
var (
	errTooLarge   = errors.New("payload is larger than 10 MB")
	errSchema     = errors.New("schema is not the one expected here")
	errEncoding   = errors.New("encoding is neither json nor proto")
	errProto      = errors.New("malformed protobuf")
	errUnwritable = errors.New("message holds text that is not UTF-8 or a time out of range")
)

// open reads the payload of e into m, a message of the given schema, after checking size, schema and encoding. What m
// does not know is left out; enum names that m does not know become problems.
func open(e Envelope, schema string, m proto.Message, p *pix.Problems) error {
	if len(e.Data) > MaxDataBytes {
		return &pix.Error{Kind: pix.TooLarge, Op: "open", Err: errTooLarge}
	}
	if s := e.Attributes[AttrSchema]; s != "" && s != schema {
		return &pix.Error{Kind: pix.UnknownSchema, Op: "open", Err: errSchema}
	}
	switch e.Attributes[AttrEncoding] {
	case "", EncodingJSON:
		return readJSON(e.Data, m, p)
	case EncodingProto:
		return readProto(e.Data, m)
	default:
		return &pix.Error{Kind: pix.UnknownSchema, Op: "open", Err: errEncoding}
	}
}

func readProto(data []byte, m proto.Message) error {
	options := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}
	if options.Unmarshal(data, m) != nil {
		return &pix.Error{Kind: pix.Invalid, Op: "read proto", Err: errProto}
	}
	return nil
}

// readJSON reads strictly first. Only a message with something unknown is read again without it; that second reading
// would also swallow unknown enum names, which are not additive change but wrong values, so those are looked up.
func readJSON(data []byte, m proto.Message, p *pix.Problems) error {
	if (protojson.UnmarshalOptions{RecursionLimit: maxDepth}).Unmarshal(data, m) == nil {
		return nil
	}
	proto.Reset(m)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}).Unmarshal(data, m); err != nil {
		return &pix.Error{Kind: pix.Invalid, Op: "read JSON", Err: errors.New(malformed(err))}
	}
	unknown, err := inspect(data, m.ProtoReflect().Descriptor())
	if err != nil {
		return err
	}
	for _, field := range unknown.values {
		p.Add(field, "not one of the known values")
	}
	return nil
}

// malformed keeps the position of a protojson error and nothing else: its text quotes the input.
func malformed(err error) string {
	var line, column int
	_, rest, found := strings.Cut(err.Error(), "(line ")
	if !found {
		return "malformed JSON"
	}
	if n, _ := fmt.Sscanf(rest, "%d:%d)", &line, &column); n != 2 {
		return "malformed JSON"
	}
	return fmt.Sprintf("malformed JSON at %d:%d", line, column)
}

// seal writes m as proto, behind fields of it that are written already, with the attributes that every message carries.
func seal(schema string, id pix.EndToEndID, m proto.Message, written []byte) (Envelope, error) {
	data, err := proto.MarshalOptions{}.MarshalAppend(written, m)
	if err != nil {
		return Envelope{}, &pix.Error{Kind: pix.Invalid, Op: "write proto", Err: errUnwritable}
	}
	if len(data) > MaxDataBytes {
		return Envelope{}, &pix.Error{Kind: pix.TooLarge, Op: "write proto", Err: errTooLarge}
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
