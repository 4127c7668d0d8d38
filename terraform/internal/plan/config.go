package plan

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// module is a directory of configuration, read and not yet evaluated.
type module struct {
	dir       string
	variables map[string]*variable
	locals    map[string]hcl.Expression
	outputs   map[string]hcl.Expression
	calls     map[string]*call
	resources map[string]*resource // by "type.name", or "data.type.name"
	bodies    []*hclsyntax.Body    // of its files
	settings  []*hclsyntax.Block   // terraform, provider, check, moved and the like
}

type variable struct {
	typ         cty.Type
	defaults    *typeexpr.Defaults
	fallback    cty.Value // cty.NilVal where it must be given
	nullable    bool
	validations []*hclsyntax.Block
	at          hcl.Range
}

// call is a module block.
type call struct {
	source string
	body   *hclsyntax.Body
	at     hcl.Range
}

type resource struct {
	typ, name string
	data      bool
	body      *hclsyntax.Body
	at        hcl.Range
}

// metaArguments belong to Terraform and not to the provider.
func metaArguments() map[string]bool {
	return map[string]bool{"count": true, "for_each": true, "provider": true, "depends_on": true}
}

// readModule parses the .tf files of a directory.
func readModule(files fs.FS, dir string) (*module, hcl.Diagnostics) {
	m := &module{
		dir: dir, variables: map[string]*variable{}, locals: map[string]hcl.Expression{}, outputs: map[string]hcl.Expression{},
		calls: map[string]*call{}, resources: map[string]*resource{},
	}
	names, err := fs.Glob(files, path.Join(dir, "*.tf"))
	if err != nil || len(names) == 0 {
		return m, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "No module", Detail: fmt.Sprintf("%s has no .tf file", dir)}}
	}
	var problems hcl.Diagnostics
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			problems = append(problems, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Cannot read", Detail: err.Error()})
			continue
		}
		file, diags := hclsyntax.ParseConfig(data, name, hcl.InitialPos)
		problems = append(problems, diags...)
		body, ok := file.Body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		m.bodies = append(m.bodies, body)
		for _, block := range body.Blocks {
			problems = append(problems, m.add(block)...)
		}
	}
	return m, problems
}

// add takes a top-level block in. A name that is given twice is a problem.
func (m *module) add(b *hclsyntax.Block) hcl.Diagnostics {
	label := strings.Join(b.Labels, ".")
	at := b.DefRange()
	twice := false
	switch b.Type {
	case "variable":
		_, twice = m.variables[label]
		v, problems := readVariable(b)
		m.variables[label] = v
		if problems.HasErrors() {
			return problems
		}
	case "locals":
		for name, attribute := range b.Body.Attributes {
			_, again := m.locals[name]
			twice = twice || again
			m.locals[name] = attribute.Expr
		}
	case "output":
		_, twice = m.outputs[label]
		if value := b.Body.Attributes["value"]; value != nil {
			m.outputs[label] = value.Expr
		}
	case "module":
		_, twice = m.calls[label]
		m.calls[label] = &call{body: b.Body, at: at}
		if source := b.Body.Attributes["source"]; source != nil {
			text, _ := source.Expr.Value(nil)
			m.calls[label].source = text.AsString()
		}
	case "resource", "data":
		if len(b.Labels) != 2 {
			return problemAt(at, "a resource has a type and a name")
		}
		r := &resource{typ: b.Labels[0], name: b.Labels[1], data: b.Type == "data", body: b.Body, at: at}
		_, twice = m.resources[r.address()]
		m.resources[r.address()] = r
	default:
		m.settings = append(m.settings, b)
	}
	if twice {
		return problemAt(at, b.Type+" "+label+" is there twice")
	}
	return nil
}

// address is the resource's name within its module.
func (r *resource) address() string {
	if r.data {
		return "data." + r.typ + "." + r.name
	}
	return r.typ + "." + r.name
}

func readVariable(b *hclsyntax.Block) (*variable, hcl.Diagnostics) {
	v := &variable{typ: cty.DynamicPseudoType, fallback: cty.NilVal, nullable: true, at: b.DefRange()}
	var problems hcl.Diagnostics
	if typ := b.Body.Attributes["type"]; typ != nil {
		var diags hcl.Diagnostics
		v.typ, v.defaults, diags = typeexpr.TypeConstraintWithDefaults(typ.Expr)
		problems = append(problems, diags...)
	}
	if nullable := b.Body.Attributes["nullable"]; nullable != nil {
		value, diags := nullable.Expr.Value(nil)
		problems = append(problems, diags...)
		v.nullable = diags.HasErrors() || value.True()
	}
	if fallback := b.Body.Attributes["default"]; fallback != nil {
		value, diags := fallback.Expr.Value(nil)
		problems = append(problems, diags...)
		v.fallback = value
	}
	for _, inner := range b.Body.Blocks {
		if inner.Type == "validation" {
			v.validations = append(v.validations, inner)
		}
	}
	return v, problems
}

func problemAt(at hcl.Range, text string) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: text, Subject: &at}}
}
