package lake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// evolve returns the schema that a table must have for rows of ours: the table's own, and at its end the columns that
// only we have. Nothing else may differ: readers keep what they know, and old files lack the new columns, which read as
// null there.
func evolve(table, ours structType, path string) (structType, bool, error) {
	out := structType{Type: "struct", Fields: slices.Clone(table.Fields)}
	grown := false
	for i, old := range table.Fields {
		at := path + old.Name
		k := slices.IndexFunc(ours.Fields, func(f deltaField) bool { return f.Name == old.Name })
		if k < 0 {
			return out, false, fmt.Errorf("column %s of the table is missing in our schema: columns are only ever added", at)
		}
		for key := range old.Metadata {
			if strings.HasPrefix(key, "delta.") {
				return out, false, fmt.Errorf("column %s has the property %s, which this writer does not know", at, key)
			}
		}
		if old.Nullable != ours.Fields[k].Nullable {
			return out, false, fmt.Errorf("column %s is nullable=%t in the table and nullable=%t in our schema", at, old.Nullable, ours.Fields[k].Nullable)
		}
		kind, more, err := evolveType(old.Type, ours.Fields[k].Type, at)
		if err != nil {
			return out, false, err
		}
		out.Fields[i].Type = kind
		grown = grown || more
	}
	for _, f := range ours.Fields {
		if slices.ContainsFunc(table.Fields, func(old deltaField) bool { return old.Name == f.Name }) {
			continue
		}
		if slices.ContainsFunc(table.Fields, func(old deltaField) bool { return strings.EqualFold(old.Name, f.Name) }) {
			return out, false, fmt.Errorf("column %s is in the table in another spelling", path+f.Name)
		}
		if !f.Nullable {
			return out, false, fmt.Errorf("column %s is new and required: the rows that are there have no value for it", path+f.Name)
		}
		out.Fields = append(out.Fields, f)
		grown = true
	}
	return out, grown, nil
}

// evolveType compares two types; those of records may grow.
func evolveType(table, ours json.RawMessage, at string) (json.RawMessage, bool, error) {
	switch {
	case bytes.Equal(compact(table), compact(ours)):
		return table, false, nil
	case kindOf(table) == "struct" && kindOf(ours) == "struct":
		var a, b structType
		if err := unmarshalBoth(table, ours, &a, &b); err != nil {
			return nil, false, fmt.Errorf("column %s: %w", at, err)
		}
		merged, grown, err := evolve(a, b, at+".")
		if err != nil {
			return nil, false, err
		}
		text, err := json.Marshal(merged)
		return text, grown, err //nolint:wrapcheck // of a type that was decoded just now
	case kindOf(table) == "array" && kindOf(ours) == "array":
		var a, b arrayType
		if err := unmarshalBoth(table, ours, &a, &b); err != nil {
			return nil, false, fmt.Errorf("column %s: %w", at, err)
		}
		element, grown, err := evolveType(a.ElementType, b.ElementType, at)
		if err != nil {
			return nil, false, err
		}
		a.ElementType = element
		text, err := json.Marshal(a)
		return text, grown, err //nolint:wrapcheck // of a type that was decoded just now
	default:
		return nil, false, fmt.Errorf("column %s is %s in the table and %s in our schema", at, kindOf(table), kindOf(ours))
	}
}

// kindOf names a type: struct, array, map, or a primitive.
func kindOf(text json.RawMessage) string {
	var name string
	if json.Unmarshal(text, &name) == nil {
		return name
	}
	var nested struct{ Type string }
	if json.Unmarshal(text, &nested) != nil {
		return "unknown"
	}
	return nested.Type
}

func compact(text json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return text
	}
	return b.Bytes()
}

func unmarshalBoth(a, b json.RawMessage, into, also any) error {
	if err := json.Unmarshal(a, into); err != nil {
		return err //nolint:wrapcheck // the caller names the column
	}
	return json.Unmarshal(b, also) //nolint:wrapcheck // the caller names the column
}
