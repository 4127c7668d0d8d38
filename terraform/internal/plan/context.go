package plan

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// context holds what the references of an expression mean, and no more: each is worked out now.
func (s *scope) context(references []hcl.Traversal, of *each) *hcl.EvalContext {
	found := map[string]map[string]cty.Value{}
	put := func(root, name string, v cty.Value) {
		if found[root] == nil {
			found[root] = map[string]cty.Value{}
		}
		found[root][name] = v
	}
	data := map[string]map[string]cty.Value{}
	wanted := map[string]map[string]bool{}
	for _, t := range references {
		root, name := t.RootName(), attributeOf(t, 1)
		at := t.SourceRange()
		switch root {
		case "var":
			put(root, name, s.variable(name, at))
		case "local":
			put(root, name, s.local(name, at))
		case "path":
			put(root, "module", cty.StringVal(s.module.dir))
			put(root, "root", cty.StringVal(s.run.request.Dir))
			put(root, "cwd", cty.StringVal("."))
		case "terraform":
			put(root, "workspace", cty.StringVal("default"))
		case "each", "count":
			s.putInstance(put, of, at)
		case "self":
			put(root, name, cty.DynamicVal)
		case "module":
			want(wanted, name, outputOf(t))
		case "data":
			typ, of := name, attributeOf(t, 2)
			if data[typ] == nil {
				data[typ] = map[string]cty.Value{}
			}
			data[typ][of] = s.resource("data."+typ+"."+of, at)
		default:
			put(root, name, s.resource(root+"."+name, at))
		}
	}
	for typ, values := range data {
		put("data", typ, cty.ObjectVal(values))
	}
	for name, outputs := range wanted {
		put("module", name, s.outputs(name, outputs))
	}
	values := map[string]cty.Value{}
	for root, fields := range found {
		values[root] = cty.ObjectVal(fields)
	}
	return &hcl.EvalContext{Variables: values, Functions: s.run.functions}
}

// putInstance gives each.key, each.value and count.index of the instance that an expression stands in.
func (s *scope) putInstance(put func(root, name string, v cty.Value), of *each, at hcl.Range) {
	switch {
	case of == nil:
		s.run.complain(at, "each and count have no meaning here")
	case of.index != cty.NilVal:
		put("count", "index", of.index)
	default:
		put("each", "key", of.key)
		put("each", "value", of.value)
	}
}

// attributeOf is the name at a step of a reference, empty where there is none.
func attributeOf(t hcl.Traversal, step int) string {
	if len(t) <= step {
		return ""
	}
	if a, ok := t[step].(hcl.TraverseAttr); ok {
		return a.Name
	}
	return ""
}

// everything stands for all outputs of a module.
const everything = "*"

// outputOf is the output that a reference to a module means, as far as it says.
func outputOf(t hcl.Traversal) string {
	step := 2
	if len(t) > step {
		if _, indexed := t[step].(hcl.TraverseIndex); indexed {
			step++
		}
	}
	if name := attributeOf(t, step); name != "" {
		return name
	}
	return everything
}

func want(wanted map[string]map[string]bool, name, output string) {
	if wanted[name] == nil {
		wanted[name] = map[string]bool{}
	}
	wanted[name][output] = true
}

// outputs are those of a call's instances that somebody wants: the others may depend on who asks.
func (s *scope) outputs(name string, wanted map[string]bool) cty.Value {
	if s.module.calls[name] == nil {
		s.run.complain(hcl.Range{Filename: s.module.dir}, "module.%s is not declared", name)
		return cty.DynamicVal
	}
	made := s.instances(name)
	if made.form.hidden {
		return cty.DynamicVal
	}
	values := map[string]cty.Value{}
	for key, child := range made.each {
		fields := map[string]cty.Value{}
		for output := range child.module.outputs {
			if wanted[output] || wanted[everything] {
				fields[output] = child.output(output)
			}
		}
		values[key] = cty.ObjectVal(fields)
	}
	return made.form.collect(values)
}

// collect puts instances together as a reference to all of them has them.
func (x *expansion) collect(values map[string]cty.Value) cty.Value {
	switch {
	case x.hidden:
		return cty.DynamicVal
	case x.form == single:
		return values[""]
	case x.form == keyedBy:
		return cty.ObjectVal(values)
	}
	list := make([]cty.Value, len(values))
	for key, v := range values {
		i, _ := x.each[key].index.AsBigFloat().Int64()
		list[i] = v
	}
	return cty.TupleVal(list)
}
