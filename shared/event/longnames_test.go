package event

import (
	"bytes"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// longNames writes the names of enumerations in JSON as protojson knows them: with their prefix, and UNKNOWN for what
// DICT may have added. What is no name of one at all becomes something that protojson refuses.
func longNames(data []byte, md protoreflect.MessageDescriptor) []byte {
	w := namer{in: json.NewDecoder(bytes.NewReader(data)), data: data}
	w.in.UseNumber()
	if w.value(nil, md) != nil {
		return data
	}
	return append(w.out, data[w.copied:]...)
}

type namer struct {
	in     *json.Decoder
	data   []byte
	out    []byte
	copied int
}

// value reads one value, either of a field or of a message; with neither it is passed.
func (w *namer) value(fd protoreflect.FieldDescriptor, md protoreflect.MessageDescriptor) error {
	from := int(w.in.InputOffset())
	token, err := w.in.Token()
	if err != nil {
		return err
	}
	if name, ok := token.(string); ok && fd != nil && fd.Enum() != nil {
		from += strings.IndexByte(string(w.data[from:]), '"')
		w.out = append(append(w.out, w.data[w.copied:from]...), longName(fd.Enum(), name)...)
		w.copied = int(w.in.InputOffset())
	}
	if _, opens := token.(json.Delim); !opens {
		return nil
	}
	for w.in.More() {
		var inner protoreflect.FieldDescriptor
		if token == json.Delim('{') {
			name, err := w.in.Token()
			if err != nil {
				return err
			}
			if inner = declared(md, name.(string)); inner != nil {
				if err := w.value(inner, inner.Message()); err != nil {
					return err
				}
				continue
			}
		}
		if err := w.value(nil, nil); err != nil {
			return err
		}
	}
	_, err = w.in.Token()
	return err
}

func declared(md protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if md == nil {
		return nil
	}
	if fd := md.Fields().ByJSONName(name); fd != nil {
		return fd
	}
	return md.Fields().ByTextName(name)
}

func longName(ed protoreflect.EnumDescriptor, name string) string {
	prefix := strings.TrimSuffix(string(ed.Values().Get(0).Name()), "UNSPECIFIED")
	grows := ed.Name() == "KeyKind" || ed.Name() == "AccountType"
	switch {
	case ed.Values().ByName(protoreflect.Name(name)) != nil:
		return `"` + name + `"`
	case ed.Values().ByName(protoreflect.Name(prefix+name)) != nil:
		return `"` + prefix + name + `"`
	case grows && isCode([]byte(name)):
		return `"` + prefix + `UNKNOWN"`
	case isCode([]byte(name)):
		return `"NEW"`
	default:
		return "1.5"
	}
}
