package plan

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// scope is one instance of a module. Everything is worked out when somebody asks, once.
type scope struct {
	run     *run
	module  *module
	address string
	inputs  map[string]func() cty.Value
	known   map[string]cty.Value
	busy    map[string]bool // being worked out: who asks for it again asks in a circle
	calls   map[string]*instances
}

// instances are those of a module call.
type instances struct {
	form expansion
	each map[string]*scope
}

// once works a name's value out and keeps it.
func (s *scope) once(name string, at hcl.Range, work func() cty.Value) cty.Value {
	if v, known := s.known[name]; known {
		return v
	}
	if s.busy[name] {
		s.run.complain(at, "%s depends on itself", name)
		return cty.DynamicVal
	}
	s.busy[name] = true
	v := work()
	delete(s.busy, name)
	s.known[name] = v
	return v
}

// all works out everything that the module has.
func (s *scope) all() {
	for _, name := range sorted(s.module.variables) {
		s.variable(name, s.module.variables[name].at)
		s.validate(name)
	}
	for _, name := range sorted(s.module.locals) {
		s.local(name, s.module.locals[name].Range())
	}
	for _, name := range sorted(s.module.resources) {
		s.resource(name, s.module.resources[name].at)
	}
	for _, name := range sorted(s.module.calls) {
		for _, key := range sorted(s.instances(name).each) {
			s.instances(name).each[key].all()
		}
	}
	for _, name := range sorted(s.module.outputs) {
		s.output(name)
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// variable is an input's value, of its type.
func (s *scope) variable(name string, at hcl.Range) cty.Value {
	return s.once("var."+name, at, func() cty.Value {
		v := s.module.variables[name]
		if v == nil {
			s.run.complain(at, "var.%s is not declared", name)
			return cty.DynamicVal
		}
		value := v.fallback
		if given := s.inputs[name]; given != nil {
			if of := given(); !of.IsNull() || v.nullable {
				value = of
			}
		}
		if value == cty.NilVal {
			return cty.DynamicVal // the call was told
		}
		if v.defaults != nil && !value.IsNull() {
			value = v.defaults.Apply(value)
		}
		value, err := convert.Convert(value, v.typ)
		if err != nil {
			s.run.complain(at, "variable %s of %s: %v", name, s.module.dir, err)
			return cty.DynamicVal
		}
		return value
	})
}

// validate holds a variable to its own conditions.
func (s *scope) validate(name string) {
	for _, rule := range s.module.variables[name].validations {
		condition := rule.Body.Attributes["condition"]
		if condition == nil {
			continue
		}
		if v := s.value(condition.Expr, nil); v.IsWhollyKnown() && !v.IsNull() && v.Type() == cty.Bool && v.False() {
			s.run.complain(rule.DefRange(), "variable %s of %s: its value is refused", name, s.module.dir)
		}
	}
}

func (s *scope) local(name string, at hcl.Range) cty.Value {
	return s.once("local."+name, at, func() cty.Value {
		expr := s.module.locals[name]
		if expr == nil {
			s.run.complain(at, "local.%s is not declared", name)
			return cty.DynamicVal
		}
		return s.value(expr, nil)
	})
}

func (s *scope) output(name string) cty.Value {
	expr := s.module.outputs[name]
	return s.once("output."+name, expr.Range(), func() cty.Value { return s.value(expr, nil) })
}

// value evaluates an expression; of is the instance that it stands in.
func (s *scope) value(expr hcl.Expression, of *each) cty.Value {
	v, diags := expr.Value(s.context(expr.Variables(), of))
	s.run.problems = append(s.run.problems, diags...)
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

// instances opens the modules of a call, with their inputs.
func (s *scope) instances(name string) *instances {
	if known := s.calls[name]; known != nil {
		return known
	}
	c := s.module.calls[name]
	made := &instances{each: map[string]*scope{}}
	s.calls[name] = made
	if !strings.HasPrefix(c.source, ".") {
		s.run.complain(c.at, "module %s: its source is no directory of this repository", name)
		return made
	}
	made.form = s.expand(c.body)
	dir := path.Join(s.module.dir, c.source)
	for key, of := range made.form.each {
		address := s.prefix() + "module." + name + keyed(key)
		child := s.run.open(dir, address, nil)
		child.inputs = s.inputsOf(c, child.module, of)
		made.each[key] = child
	}
	return made
}

func (s *scope) prefix() string {
	if s.address == "" {
		return ""
	}
	return s.address + "."
}

// inputsOf are a call's arguments as the called module's variables.
func (s *scope) inputsOf(c *call, m *module, of *each) map[string]func() cty.Value {
	inputs := map[string]func() cty.Value{}
	for name, attribute := range c.body.Attributes {
		if metaArguments()[name] || name == "source" || name == "version" || name == "providers" {
			continue
		}
		if m.variables[name] == nil {
			s.run.complain(attribute.SrcRange, "%s has no variable %s", m.dir, name)
			continue
		}
		inputs[name] = func() cty.Value { return s.value(attribute.Expr, of) }
	}
	for name, v := range m.variables {
		if inputs[name] == nil && v.fallback == cty.NilVal {
			s.run.complain(c.at, "%s needs its variable %s", m.dir, name)
		}
	}
	return inputs
}

// expansion is how often a block is there.
type expansion struct {
	each   map[string]*each // by key; one without a key where the block is there once
	form   form
	hidden bool // how often is not known: one instance stands for any
}

type form int

const (
	single form = iota
	counted
	keyedBy
)

// each is an instance's key and value.
type each struct {
	key, value cty.Value
	index      cty.Value
}

// expand works out count and for_each.
func (s *scope) expand(body *hclsyntax.Body) expansion {
	if count := body.Attributes["count"]; count != nil {
		return s.counted(s.value(count.Expr, nil), count.SrcRange)
	}
	if forEach := body.Attributes["for_each"]; forEach != nil {
		return s.forEach(s.value(forEach.Expr, nil), forEach.SrcRange)
	}
	return expansion{each: map[string]*each{"": nil}}
}

func (s *scope) counted(v cty.Value, at hcl.Range) expansion {
	x := expansion{form: counted, each: map[string]*each{}}
	v, err := convert.Convert(v, cty.Number)
	switch {
	case err != nil || v.IsNull():
		s.run.complain(at, "count is no number")
	case !v.IsKnown():
		x.hidden, x.each["?"] = true, &each{index: cty.UnknownVal(cty.Number)}
	default:
		n, _ := v.AsBigFloat().Int64()
		for i := range n {
			index := cty.NumberIntVal(i)
			x.each[index.AsBigFloat().Text('f', 0)] = &each{index: index}
		}
	}
	return x
}

func (s *scope) forEach(v cty.Value, at hcl.Range) expansion {
	x := expansion{form: keyedBy, each: map[string]*each{}}
	if !v.IsKnown() || v.Type() == cty.DynamicPseudoType {
		x.hidden, x.each["?"] = true, &each{key: cty.UnknownVal(cty.String), value: cty.DynamicVal}
		return x
	}
	t := v.Type()
	names := t.IsSetType() && t.ElementType() == cty.String
	if v.IsNull() || !t.IsMapType() && !t.IsObjectType() && !names {
		s.run.complain(at, "for_each takes a map or a set of texts, not %s", t.FriendlyName())
		return x
	}
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if t.IsSetType() {
			key = value
		}
		if !key.IsKnown() || key.IsNull() {
			s.run.complain(at, "for_each has a key that is known only after an apply")
			continue
		}
		x.each[key.AsString()] = &each{key: key, value: value}
	}
	return x
}

func keyed(key string) string {
	if key == "" {
		return ""
	}
	return "[" + key + "]"
}
