package lake

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Type is the type of a column, by its name in BigQuery.
type Type string

// The types. NUMERIC, DATE and their like occur in no table of ours and are refused.
const (
	TypeString    Type = "STRING"
	TypeJSON      Type = "JSON"  // text in the lake
	TypeBytes     Type = "BYTES" //
	TypeInteger   Type = "INTEGER"
	TypeFloat     Type = "FLOAT" // NaN becomes null: readers that skip by minima go wrong over it
	TypeBoolean   Type = "BOOLEAN"
	TypeTimestamp Type = "TIMESTAMP" // microseconds, UTC
	TypeRecord    Type = "RECORD"
)

// Field is one column.
type Field struct {
	Name        string  `json:"name"`
	Type        Type    `json:"type"`
	Mode        string  `json:"mode"` // REQUIRED, NULLABLE (also ""), REPEATED
	Description string  `json:"description"`
	Fields      []Field `json:"fields"` // of a RECORD
}

func (f Field) required() bool { return f.Mode == "REQUIRED" }
func (f Field) repeated() bool { return f.Mode == "REPEATED" }

// Schema is the columns of a table, in the order of its rows' values.
type Schema []Field

// ParseSchema reads a schema in BigQuery's JSON form, the one of shared/warehouse/schema.
func ParseSchema(text []byte) (Schema, error) {
	var s Schema
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, pix.E(pix.Invalid, "parse lake schema", err)
	}
	if err := check(s, ""); err != nil {
		return nil, pix.E(pix.Invalid, "parse lake schema", err)
	}
	return s, nil
}

// check refuses what a table cannot hold and spells types and modes in one way.
func check(fields []Field, path string) error {
	if len(fields) == 0 {
		return fmt.Errorf("%q has no columns", path)
	}
	seen := map[string]bool{}
	for i := range fields {
		f := &fields[i]
		at := path + f.Name
		if name := strings.ToLower(f.Name); name == "" || seen[name] || strings.ContainsAny(name, " ,;{}()\n\t=.") {
			return fmt.Errorf("column name %q is empty, occurs twice or has characters that Parquet readers refuse", at)
		}
		seen[strings.ToLower(f.Name)] = true
		switch f.Mode {
		case "REQUIRED", "NULLABLE", "REPEATED":
		case "":
			f.Mode = "NULLABLE"
		default:
			return fmt.Errorf("column %s has mode %s, which is none", at, f.Mode)
		}
		switch f.Type {
		case TypeString, TypeJSON, TypeBytes, TypeInteger, TypeFloat, TypeBoolean, TypeTimestamp:
		case "INT64":
			f.Type = TypeInteger
		case "FLOAT64":
			f.Type = TypeFloat
		case "BOOL":
			f.Type = TypeBoolean
		case TypeRecord, "STRUCT":
			f.Type = TypeRecord
			if err := check(f.Fields, at+"."); err != nil {
				return err
			}
		default:
			return fmt.Errorf("column %s has type %s, which the lake does not hold", at, f.Type)
		}
	}
	return nil
}

// structType is the log's form of a schema.
type structType struct {
	Type   string       `json:"type"` // struct
	Fields []deltaField `json:"fields"`
}

// deltaField is the log's form of a column. Type is a primitive's name, a structType or an arrayType.
type deltaField struct {
	Name     string                     `json:"name"`
	Type     json.RawMessage            `json:"type"`
	Nullable bool                       `json:"nullable"`
	Metadata map[string]json.RawMessage `json:"metadata"`
}

// arrayType is the log's form of a repeated column.
type arrayType struct {
	Type         string          `json:"type"` // array
	ElementType  json.RawMessage `json:"elementType"`
	ContainsNull bool            `json:"containsNull"`
}

// delta returns the log's form of the columns.
func (s Schema) delta() (structType, error) {
	out := structType{Type: "struct", Fields: []deltaField{}}
	for _, f := range s {
		field := deltaField{Name: f.Name, Nullable: !f.required(), Metadata: map[string]json.RawMessage{}}
		if f.Description != "" {
			comment, err := json.Marshal(f.Description)
			if err != nil {
				return out, fmt.Errorf("column %s: %w", f.Name, err)
			}
			field.Metadata["comment"] = comment
		}
		kind, err := f.delta()
		if err != nil {
			return out, err
		}
		field.Type = kind
		out.Fields = append(out.Fields, field)
	}
	return out, nil
}

// delta returns the log's form of a column's type.
func (f Field) delta() (json.RawMessage, error) {
	var kind any
	switch f.Type {
	case TypeString, TypeJSON:
		kind = "string"
	case TypeBytes:
		kind = "binary"
	case TypeInteger:
		kind = "long"
	case TypeFloat:
		kind = "double"
	case TypeBoolean:
		kind = "boolean"
	case TypeTimestamp:
		kind = "timestamp"
	case TypeRecord:
		nested, err := Schema(f.Fields).delta()
		if err != nil {
			return nil, err
		}
		kind = nested
	default:
		return nil, errors.New("unknown type " + string(f.Type))
	}
	text, err := json.Marshal(kind)
	if err == nil && f.repeated() {
		text, err = json.Marshal(arrayType{Type: "array", ElementType: text})
	}
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", f.Name, err)
	}
	return text, nil
}
