package score_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// This file writes the schemas of docs/openapi.yaml: those of a payment from the table of the contract, those of an answer from
// the messages of the .proto file.

// schema is one property, by keyword; its values are written as JSON, which is YAML.
type schema map[string]any

// described are the schemas, by name, in the order in which they are written.
type described struct {
	names []string
	made  map[string]schema
}

func (d *described) add(name string, s schema) {
	if _, made := d.made[name]; made {
		return
	}
	d.names = append(d.names, name)
	d.made[name] = s
}

// write gives the schemas as a block of YAML, a property a line.
func (d *described) write() string {
	var b strings.Builder
	for _, name := range d.names {
		fmt.Fprintf(&b, "    %s:\n", name)
		s := d.made[name]
		for _, keyword := range slices.Sorted(maps.Keys(s)) {
			properties, whole := s[keyword].([]property)
			if !whole {
				fmt.Fprintf(&b, "      %s: %s\n", keyword, asJSON(s[keyword]))
				continue
			}
			fmt.Fprintf(&b, "      %s:\n", keyword)
			for _, p := range properties {
				fmt.Fprintf(&b, "        %s: %s\n", p.name, asJSON(p.schema))
			}
		}
	}
	return b.String()
}

type property struct {
	name   string
	schema schema
}

func asJSON(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

// object is a message with these properties and no others.
func object(doc string, required []string, properties []property) schema {
	s := schema{"type": "object", "description": doc, "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func ref(name, doc string, optional bool) schema {
	to := schema{"$ref": "#/components/schemas/" + name}
	if optional {
		return schema{"anyOf": []schema{to, {"type": "null"}}, "description": doc}
	}
	to["description"] = doc
	return to
}

// Bounds of whole numbers, as shared/pix has them: TestSchemaLimits holds them to it.
const (
	mostCentavos = int64(pix.MaxAmount)
	mostCount    = int64(1_000_000_000_000)
	mostMetres   = int64(21_000_000)
)

// limits is what a payment's field must be beyond its type, by its path in the contract.
func limits() map[string]schema {
	count := schema{"minimum": 0, "maximum": mostCount}
	centavos := schema{"minimum": 0, "maximum": mostCentavos}
	out := map[string]schema{
		"endToEndId":     {"pattern": "^E[0-9A-Z]{8}[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9][0-9A-Za-z]{11}$"},
		"amountCentavos": {"minimum": 1, "maximum": mostCentavos},
		"txid":           {"pattern": "^[0-9A-Za-z]{0,35}$"},
		"samplingWeight": {"minimum": 0}, "session.failedLogins": count, "session.distanceMetres": {"minimum": 0, "maximum": mostMetres},
		"session.duration": {"pattern": `^((0|[1-9][0-9]{0,4}|[1-5][0-9]{5}|60[0-3][0-9]{3}|604[0-7][0-9]{2})(\.[0-9]{1,9})?s|604800s)$`},
		"device.id":        {"pattern": "^[!-~]{0,256}$"}, "mandate.initiatorPayments": count,
	}
	for _, side := range []string{"payer", "payee"} {
		maps.Copy(out, map[string]schema{
			side + ".ispb":            {"pattern": "^[0-9A-Z]{8}$"},
			side + ".balanceCentavos": {"minimum": -mostCentavos, "maximum": mostCentavos}, side + ".dailyLimitCentavos": centavos,
			side + ".ageBand":  {"pattern": "^[0-9+-]{0,7}$"},
			side + ".state":    {"enum": stateNames()},
			side + ".document": {"pattern": `^([0-9A-Za-z][0-9A-Za-z./ -]{10,30})?$`}, side + ".branch": {"pattern": `^[0-9A-Za-z./ -]{0,10}$`},
			side + ".account": {"pattern": accounts()[side], "maxLength": 34},
			side + ".key":     {"pattern": "^[ -~]*$", "maxLength": 100}, side + ".name": {"maxLength": 140},
		})
	}
	for _, of := range []string{"settlements", "fraudsReported", "fraudsConfirmed", "fraudsRejected", "muleMarkers", "scammerMarkers", "distinctReporters",
		"openInfractions", "registeredAccounts", "long.settlements", "long.applicationFrauds"} {
		out["dict."+of] = count
	}
	out["dict.long.fraudCentavos"] = centavos
	return out
}

const states = "AC AL AP AM BA CE DF ES GO MA MT MS MG PA PB PR PE PI RJ RN RS RO RR SC SP SE TO"

// accounts are what the account of each side looks like: the payer's is always there.
func accounts() map[string]string {
	const some = `[./ -]*[0-9A-Za-z][0-9A-Za-z./ -]*`
	return map[string]string{"payer": "^" + some + "$", "payee": "^(" + some + ")?$"}
}

// stateNames are Brazil's states, and what stands for none.
func stateNames() []any {
	out := []any{"", nil}
	for _, name := range strings.Fields(states) {
		out = append(out, name)
	}
	return out
}

// needed are the fields that a payment cannot do without, by the message that they are in.
func needed() map[string][]string {
	return map[string][]string{
		"":      {"endToEndId", "eventTime", "direction", "amountCentavos", "initiation", "payer", "payee"},
		"payer": {"ispb", "account"}, "payee": {"ispb"},
	}
}

// asked describes a payment as callers send it: facts and raw identifiers, no token.
func (d *described) asked(name, path, doc string, fields []pix.Field) {
	var list []property
	required := needed()[path]
	d.add(name, nil) // before what it holds
	for i := range fields {
		f := &fields[i]
		at := strings.TrimPrefix(path+"."+f.Name, ".")
		optional := !slices.Contains(required, f.Name)
		switch {
		case placeOf(f) == reflect.TypeFor[*pix.TokenPair]():
			continue
		case f.Fields != nil:
			inner := messageName(at, f)
			d.asked(inner, at, f.Doc, f.Fields)
			list = append(list, property{f.Name, ref(inner, f.Doc, optional)})
		default:
			list = append(list, property{f.Name, askedField(at, f, optional)})
		}
	}
	d.made[name] = object(doc, required, list)
}

// messageName tells messages apart that are one on the wire and have other bounds.
func messageName(at string, f *pix.Field) string {
	switch at {
	case "payer":
		return "Payer"
	case "payee":
		return "Payee"
	case "dict.long.fraudCentavos":
		return "DictLongCentavos"
	default:
		return f.Message
	}
}

func placeOf(f *pix.Field) reflect.Type {
	if f.Place == nil {
		return nil
	}
	return reflect.TypeOf(f.Place(&pix.Carried{}))
}

// askedField is the schema of one field of a payment, with everything that is taken in its place.
func askedField(at string, f *pix.Field, optional bool) schema {
	s := schema{"description": f.Doc}
	if f.Example != "" {
		s["examples"] = []string{f.Example}
	}
	limit := limits()[at]
	if limit == nil {
		limit = limits()[at[:max(0, strings.LastIndex(at, "."))]] // of a counter: as its message
	}
	maps.Copy(s, limit)
	kind := []string{"string"}
	switch {
	case f.Time != nil:
		s["format"] = "date-time"
	case f.Flag != nil:
		kind = []string{"boolean"}
	case f.Real != nil:
		kind = []string{"number", "string"}
		s["pattern"] = `^(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$`
	case f.Whole != nil:
		kind = []string{"integer", "string"}
		s["pattern"] = wholePattern(limit)
	default:
		if values := enumOf(f); values != nil {
			maps.Copy(s, codesOf(f, values, optional))
			delete(s, "examples")
			return s
		}
	}
	if _, listed := s["enum"]; listed {
		return s
	}
	if optional {
		kind = append(kind, "null")
	}
	s["type"] = kind
	return s
}

// wholePattern is what a whole number written as a string looks like: the digits below the limit's power of ten.
func wholePattern(limit schema) string {
	digits := len(fmt.Sprint(limit["maximum"])) - 1
	pattern := fmt.Sprintf("(0|[1-9][0-9]{0,%d})", digits-1)
	switch least := fmt.Sprint(limit["minimum"]); {
	case least == "1":
		pattern = fmt.Sprintf("[1-9][0-9]{0,%d}", digits-1)
	case strings.HasPrefix(least, "-"):
		pattern = "-?" + pattern
	}
	return "^" + pattern + "$"
}

// enumOf are the names of an enumeration's values, by number; nil of what is none.
func enumOf(f *pix.Field) protoreflect.EnumValueDescriptors {
	name := placeOf(f).Elem().Name()
	if e := pixv1.File_pix_v1_enums_proto.Enums().ByName(protoreflect.Name(name)); e != nil {
		return e.Values()
	}
	return nil
}

// codesOf is what an enumeration takes: names, with and without their prefix, and numbers. DICT's grow, so that any name is.
func codesOf(f *pix.Field, values protoreflect.EnumValueDescriptors, optional bool) schema {
	prefix := strings.TrimSuffix(string(values.Get(0).Name()), "UNSPECIFIED")
	var short, long []string
	var numbers []int32
	for i := range values.Len() {
		if i == 0 && !optional {
			continue
		}
		name := string(values.Get(i).Name())
		short, long, numbers = append(short, strings.TrimPrefix(name, prefix)), append(long, name), append(numbers, int32(values.Get(i).Number()))
	}
	if slices.Contains(short, "UNKNOWN") {
		return schema{
			"type": []string{"string", "integer", "null"}, "pattern": "^[A-Z_]{1,64}$", "minimum": -1 << 31, "maximum": 1<<31 - 1, "examples": short,
			"description": f.Doc + " Known are the examples; any other is taken as UNKNOWN.",
		}
	}
	var all []any
	for _, list := range [][]string{short, long} {
		for _, name := range list {
			all = append(all, name)
		}
	}
	for _, n := range numbers {
		all = append(all, n)
	}
	if optional {
		all = append(all, nil)
	}
	return schema{"enum": all}
}
