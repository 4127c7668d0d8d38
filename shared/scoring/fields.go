package scoring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// checkFields wants every object of a document to have each field of the struct that it was decoded into, in exactly this
// spelling, once and not null. encoding/json takes what is missing or null for zero, a name in any case, and of two the
// last. The document has been decoded, so it is well-formed and not too deep.
func checkFields(name string, data []byte, v any) error {
	w := &fieldWalk{json.NewDecoder(bytes.NewReader(data))}
	if err := w.value(reflect.TypeOf(v).Elem(), ""); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	return nil
}

type fieldWalk struct{ tokens *json.Decoder }

// value reads one value that was decoded into a t.
func (w *fieldWalk) value(t reflect.Type, path string) error {
	token, err := w.tokens.Token()
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if token == nil && t.Kind() != reflect.Interface {
		return fmt.Errorf("has null for %s", path)
	}
	switch token {
	case json.Delim('{'):
		return w.object(t, path)
	case json.Delim('['):
		for w.tokens.More() {
			if err := w.value(elem(t), path+"[]"); err != nil {
				return err
			}
		}
		_, err = w.tokens.Token()
	}
	return err //nolint:wrapcheck // cannot fail in what was decoded
}

// object reads the rest of an object.
func (w *fieldWalk) object(t reflect.Type, path string) error {
	want, optional := fieldsOf(t)
	seen := map[string]bool{}
	for w.tokens.More() {
		token, err := w.tokens.Token()
		if err != nil {
			return fmt.Errorf("cannot be read: %w", err)
		}
		key, _ := token.(string)
		at := strings.TrimPrefix(path+"."+clip(key), ".")
		if seen[key] {
			return fmt.Errorf("has %s twice", at)
		}
		seen[key] = true
		inner, known := want[key]
		if want != nil && !known {
			return fmt.Errorf("has an unknown field %q", at)
		}
		if want == nil {
			inner = elem(t)
		}
		if err := w.value(inner, at); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !seen[key] && !optional[key] {
			return fmt.Errorf("has no field %s", strings.TrimPrefix(path+"."+key, "."))
		}
	}
	_, err := w.tokens.Token()
	return err //nolint:wrapcheck // cannot fail in what was decoded
}

// elem is what a list or a map holds; whatever is not described may hold anything.
func elem(t reflect.Type) reflect.Type {
	if k := t.Kind(); k == reflect.Slice || k == reflect.Map {
		return t.Elem()
	}
	return reflect.TypeFor[any]()
}

// fieldsOf are the fields of a struct by their names in JSON, with those of what it embeds, and which of them may be left out;
// nil for what is none.
func fieldsOf(t reflect.Type) (fields map[string]reflect.Type, optional map[string]bool) {
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return nil, nil
	}
	fields, optional = map[string]reflect.Type{}, map[string]bool{}
	for f := range t.Fields() {
		if f.Anonymous {
			inner, left := fieldsOf(f.Type)
			maps.Copy(fields, inner)
			maps.Copy(optional, left)
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name], optional[name] = f.Type, option == "omitempty"
	}
	return fields, optional
}
