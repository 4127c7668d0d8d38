package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// StrictTransaction returns the paths of the fields and enum values in wire JSON of a Transaction that the contract
// does not know: what DecodeTransaction tolerates for the sake of newer producers is a spelling mistake when a person
// wrote it. Paths are made of the names in data, so they are for the person who wrote it and not for logs.
func StrictTransaction(data []byte) ([]string, error) {
	const op = "strict transaction"
	if len(data) > MaxDataBytes {
		return nil, pix.E(pix.TooLarge, op, errTooLarge)
	}
	var m pixv1.Transaction
	lenient := protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}
	if err := lenient.Unmarshal(data, &m); err != nil {
		return nil, pix.E(pix.Invalid, op, errors.New(malformed(err)))
	}
	unknown, err := inspect(data, m.ProtoReflect().Descriptor())
	if err != nil {
		return nil, err
	}
	return append(unknown.fields, unknown.values...), nil
}

// maxUnknown is how many unknown fields are named: more than a person reads, and not a million.
const maxUnknown = 100

// unknowns are the paths of what a JSON text has and its message type does not.
type unknowns struct {
	fields []string // of fields without a declaration
	values []string // of known enum fields whose name is not declared
}

// inspect walks JSON that protojson has accepted, so nesting is bounded, beside the type that it is JSON of.
func inspect(data []byte, md protoreflect.MessageDescriptor) (unknowns, error) {
	w := walker{in: json.NewDecoder(bytes.NewReader(data))}
	w.in.UseNumber()
	if err := w.value(nil, md, ""); err != nil {
		return unknowns{}, pix.E(pix.Invalid, "inspect JSON", errors.New("malformed JSON"))
	}
	return w.found, nil
}

type walker struct {
	in    *json.Decoder
	found unknowns
}

func (w *walker) next() (json.Token, error) {
	token, err := w.in.Token()
	if err != nil {
		return nil, fmt.Errorf("next token: %w", err)
	}
	return token, nil
}

// value reads one JSON value. Either fd is the field that it belongs to, or md is the message that it must be; with
// neither it is skipped.
func (w *walker) value(fd protoreflect.FieldDescriptor, md protoreflect.MessageDescriptor, path string) error {
	token, err := w.next()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			return w.array(fd, md, path)
		}
		return w.object(md, path)
	case string:
		if fd != nil && fd.Enum() != nil && fd.Enum().Values().ByName(protoreflect.Name(v)) == nil {
			w.found.values = append(w.found.values, path)
		}
	}
	return nil
}

func (w *walker) array(fd protoreflect.FieldDescriptor, md protoreflect.MessageDescriptor, path string) error {
	for w.in.More() {
		if err := w.value(fd, md, path); err != nil {
			return err
		}
	}
	_, err := w.next()
	return err
}

func (w *walker) object(md protoreflect.MessageDescriptor, path string) error {
	for w.in.More() {
		token, err := w.next()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if err := w.member(md, path, name); err != nil {
			return err
		}
	}
	_, err := w.next()
	return err
}

// member reads the value of one name. Inside something unknown (md is nil) nothing is looked up any more: its outermost
// path is enough.
func (w *walker) member(md protoreflect.MessageDescriptor, path, name string) error {
	if md == nil { // without a path: names as long as the payload, each joined with every name below it, would take for ever
		return w.value(nil, nil, "")
	}
	if path != "" {
		path += "."
	}
	path += name
	fd := md.Fields().ByJSONName(name)
	if fd == nil {
		fd = md.Fields().ByTextName(name)
	}
	if fd == nil {
		if len(w.found.fields) < maxUnknown {
			w.found.fields = append(w.found.fields, path)
		}
		return w.value(nil, nil, "")
	}
	return w.value(fd, fd.Message(), path)
}
