package plan

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/zclconf/go-cty/cty"
)

// Schema is what providers say of the resource types in use, in the form of `terraform providers schema -json`.
type Schema struct {
	Resources map[string]*Block `json:"resources"`
	Data      map[string]*Block `json:"data_sources"`
}

// Block is the schema of a resource, or of a block in one.
type Block struct {
	Attributes map[string]*Attribute `json:"attributes,omitempty"`
	Blocks     map[string]*Nested    `json:"block_types,omitempty"`
}

// Attribute is the schema of one argument.
type Attribute struct {
	Type     *Type        `json:"type,omitempty"`
	Nested   *NestedBlock `json:"nested_type,omitempty"`
	Required bool         `json:"required,omitempty"`
	Optional bool         `json:"optional,omitempty"`
	Computed bool         `json:"computed,omitempty"`
}

// Nested is a block in a block.
type Nested struct {
	Mode  string `json:"nesting_mode"`
	Block *Block `json:"block"`
	Min   int    `json:"min_items,omitempty"`
	Max   int    `json:"max_items,omitempty"`
}

// NestedBlock is the type of an attribute that has arguments of its own.
type NestedBlock struct {
	Mode       string                `json:"nesting_mode"`
	Attributes map[string]*Attribute `json:"attributes"`
}

// Type is a cty type as providers write it.
type Type struct{ cty.Type }

// UnmarshalJSON reads "string" and ["list", "string"] alike.
func (t *Type) UnmarshalJSON(data []byte) error {
	if err := t.Type.UnmarshalJSON(data); err != nil {
		return fmt.Errorf("read type: %w", err)
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (t *Type) MarshalJSON() ([]byte, error) {
	data, err := t.Type.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write type: %w", err)
	}
	return data, nil
}

// ParseSchema reads a schema file.
func ParseSchema(data []byte) (*Schema, error) {
	var s Schema
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	return &s, nil
}

// cty is the attribute's type.
func (a *Attribute) cty() cty.Type {
	if a.Nested == nil {
		return a.Type.Type
	}
	fields, optional := map[string]cty.Type{}, []string{}
	for name, nested := range a.Nested.Attributes {
		fields[name] = nested.cty()
		if !nested.Required {
			optional = append(optional, name)
		}
	}
	object := cty.ObjectWithOptionalAttrs(fields, optional)
	switch a.Nested.Mode {
	case "list":
		return cty.List(object)
	case "set":
		return cty.Set(object)
	case "map":
		return cty.Map(object)
	default:
		return object
	}
}

// plain is the type without optional fields, as a value has it.
func (a *Attribute) plain() cty.Type { return a.cty().WithoutOptionalAttributesDeep() }

// spec says what a body may hold. What is computed alone cannot be given.
func (b *Block) spec() hcldec.Spec {
	spec := hcldec.ObjectSpec{}
	for name, a := range b.Attributes {
		if a.Required || a.Optional {
			spec[name] = &hcldec.AttrSpec{Name: name, Type: a.cty(), Required: a.Required}
		}
	}
	for name, n := range b.Blocks {
		spec[name] = n.spec(name)
	}
	return spec
}

func (n *Nested) spec(name string) hcldec.Spec {
	inner := n.Block.spec()
	switch n.Mode {
	case "list", "set":
		return &hcldec.BlockTupleSpec{TypeName: name, Nested: inner, MinItems: n.Min, MaxItems: n.Max}
	case "map":
		return &hcldec.BlockObjectSpec{TypeName: name, Nested: inner, LabelNames: []string{"key"}}
	default:
		return &hcldec.BlockSpec{TypeName: name, Nested: inner, Required: n.Min > 0}
	}
}

// complete adds what the provider computes to what the configuration says. name gives a computed text at the top a value
// that tells whose it is; empty leaves it unknown.
func (b *Block) complete(v cty.Value, name func(attribute string) string) cty.Value {
	if !v.IsKnown() || v.IsNull() {
		return v
	}
	fields := map[string]cty.Value{}
	for attribute, a := range b.Attributes {
		fields[attribute] = a.complete(v, attribute, name)
	}
	for block, n := range b.Blocks {
		fields[block] = n.complete(v.GetAttr(block))
	}
	return cty.ObjectVal(fields)
}

func (a *Attribute) complete(v cty.Value, attribute string, name func(string) string) cty.Value {
	if v.Type().HasAttribute(attribute) {
		if given := v.GetAttr(attribute); !a.Computed || !given.IsNull() {
			return given
		}
	}
	if text := name(attribute); text != "" && a.Nested == nil && a.Type.Type == cty.String {
		return cty.StringVal(text)
	}
	return cty.UnknownVal(a.plain())
}

func (n *Nested) complete(v cty.Value) cty.Value {
	unnamed := func(string) string { return "" }
	if !v.IsKnown() || v.IsNull() {
		return v
	}
	switch n.Mode {
	case "list", "set":
		var items []cty.Value
		for it := v.ElementIterator(); it.Next(); {
			_, item := it.Element()
			items = append(items, n.Block.complete(item, unnamed))
		}
		if n.Mode == "set" && len(items) > 0 && alike(items) { // nobody can ask for the first
			return cty.SetVal(items)
		}
		return cty.TupleVal(items)
	case "map":
		items := map[string]cty.Value{}
		for it := v.ElementIterator(); it.Next(); {
			key, item := it.Element()
			items[key.AsString()] = n.Block.complete(item, unnamed)
		}
		return cty.ObjectVal(items)
	default:
		return n.Block.complete(v, unnamed)
	}
}

func alike(values []cty.Value) bool {
	for _, v := range values {
		if !v.Type().Equals(values[0].Type()) || v.Type().HasDynamicTypes() {
			return false
		}
	}
	return true
}
