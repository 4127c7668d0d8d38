package score_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// told describes a decided payment: facts and tokens, in the JSON mapping of the messages.
func (d *described) told(m protoreflect.MessageDescriptor, docs map[string]string) {
	name := toldName(m)
	if _, made := d.made[name]; made {
		return
	}
	var list []property
	d.add(name, nil)
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		doc := docs[string(m.Name())+"."+string(f.Name())]
		if options, ok := f.Options().(*descriptorpb.FieldOptions); ok && options.GetDebugRedact() {
			continue // raw identifiers: no decision holds one
		}
		list = append(list, property{f.JSONName(), d.toldField(f, doc, docs)})
	}
	d.made[name] = object(docs[string(m.Name())], map[string][]string{
		"Decision": {"transaction", "outcome", "decidedAt"}, "Answer": always(),
	}[string(m.Name())], list)
}

// always are the members that every answer has.
func always() []string {
	var out []string
	for f := range reflect.TypeFor[event.Answer]().Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !strings.HasPrefix(options, "omit") {
			out = append(out, name)
		}
	}
	return out
}

// toldName keeps a decided payment's messages apart from those that callers send.
func toldName(m protoreflect.MessageDescriptor) string {
	name := string(m.Name())
	if m.ParentFile() == pixv1.File_pix_v1_transaction_proto {
		return "Decided" + name
	}
	return name
}

func (d *described) toldField(f protoreflect.FieldDescriptor, doc string, docs map[string]string) schema {
	if f.IsMap() {
		return schema{"type": "object", "additionalProperties": schema{"type": "string"}, "description": doc}
	}
	one := d.toldValue(f, docs)
	if f.IsList() {
		return schema{"type": "array", "items": one, "description": doc}
	}
	one["description"] = doc
	return one
}

func (d *described) toldValue(f protoreflect.FieldDescriptor, docs map[string]string) schema {
	switch f.Kind() {
	case protoreflect.MessageKind:
		switch f.Message().FullName() {
		case "google.protobuf.Timestamp":
			return schema{"type": "string", "format": "date-time"}
		case "google.protobuf.Duration":
			return schema{"type": "string", "pattern": `^-?[0-9]+(\.[0-9]+)?s$`}
		}
		d.told(f.Message(), docs)
		return schema{"$ref": "#/components/schemas/" + toldName(f.Message())}
	case protoreflect.EnumKind:
		var names []string
		for i := range f.Enum().Values().Len() {
			if i > 0 {
				names = append(names, string(f.Enum().Values().Get(i).Name()))
			}
		}
		return schema{"type": "string", "enum": names}
	case protoreflect.BoolKind:
		return schema{"type": "boolean"}
	case protoreflect.DoubleKind:
		return schema{"type": []string{"number", "string"}, "pattern": "^(NaN|-?Infinity)$"}
	case protoreflect.Int64Kind:
		return schema{"type": "string", "pattern": "^-?[0-9]+$"}
	default:
		return schema{"type": "string"}
	}
}

// protoDocs are the comments of the .proto files, by message and by message.field.
func protoDocs(files ...string) (map[string]string, error) {
	docs := map[string]string{}
	opens := regexp.MustCompile(`^message (\w+) \{`)
	field := regexp.MustCompile(`^  (?:repeated |optional )?[\w.<>, ]+ (\w+) = \d+`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		message, comment := "", ""
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\n")
			if said, is := strings.CutPrefix(strings.TrimSpace(line), "// "); is {
				comment = strings.TrimSpace(comment + " " + said)
				continue
			}
			if m := opens.FindStringSubmatch(line); m != nil {
				message = m[1]
				docs[message] = comment
			} else if m := field.FindStringSubmatch(line); m != nil {
				docs[message+"."+m[1]] = comment
			}
			comment = ""
		}
	}
	return docs, nil
}

// schemas are all that follow from the code.
func schemas() (string, error) {
	const protos = "../../shared/event/proto/pix/v1/"
	docs, err := protoDocs(protos+"decision.proto", protos+"transaction.proto")
	if err != nil {
		return "", err
	}
	d := &described{made: map[string]schema{}}
	d.asked("Payment", "", "A payment as a caller asks about it: facts and raw identifiers. Names may also be written in snake_case, and null is "+
		"the same as to leave a field out. docs/contract.md says where each goes.", pix.Contract())
	messages := pixv1.File_pix_v1_decision_proto.Messages()
	d.told(messages.ByName("Answer"), docs)
	d.told(messages.ByName("Decision"), docs)
	return d.write(), nil
}
