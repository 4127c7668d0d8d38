package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Request says what to work out.
type Request struct {
	Files  fs.FS // the repository; a module reads its files by path.module
	Dir    string
	Schema *Schema
	// Inputs is a file of values of the root module's variables, in Dir; empty reads none. What Terraform would read by itself
	// is not read: it belongs to whoever has a project.
	Inputs string
	// Variables are such values too, and win. A variable that has no value and no default is unknown.
	Variables map[string]cty.Value
}

// Plan is what a configuration would make.
type Plan struct {
	Resources []*Resource
	Outputs   map[string]cty.Value
	Backend   string               // the type of the backend that the root names
	Providers map[string]cty.Value // versions that the root asks for, by provider
	Settings  map[string]cty.Value // of the backend
	Types     map[string]bool      // that the modules have blocks of, whether any is made or not
}

// Resource is one instance of a resource or data source.
type Resource struct {
	Module  string // the module's address, as module.bus; empty in the root
	Address string // with the module's and the key: unique
	Type    string
	Name    string // its name in the configuration
	Key     string // of for_each or count; empty where there is one
	Data    bool
	Value   cty.Value // by the provider's schema
	Kept    bool      // prevent_destroy
	At      string    // file and line
}

// Work works out a root module with all that it calls. The plan is given beside the problems, as far as it goes.
func Work(q Request) (*Plan, error) {
	r := &run{request: q, modules: map[string]*module{}, plan: &Plan{Outputs: map[string]cty.Value{}, Types: map[string]bool{}}, functions: functions(q.Files)}
	root := r.open(q.Dir, "", nil)
	root.inputs = r.rootInputs(root.module)
	root.all()
	for name := range root.module.outputs {
		r.plan.Outputs[name] = root.output(name)
	}
	slices.SortFunc(r.plan.Resources, func(a, b *Resource) int { return strings.Compare(a.Address, b.Address) })
	r.readSettings(root.module)
	return r.plan, problems(r.problems)
}

// problems joins diagnostics into one error, each with its place, once.
func problems(list hcl.Diagnostics) error {
	seen := map[string]bool{}
	var out []error
	for _, d := range list {
		text := d.Error()
		if d.Severity == hcl.DiagError && !seen[text] {
			seen[text] = true
			out = append(out, errors.New(text))
		}
	}
	return errors.Join(out...)
}

// run is one evaluation.
type run struct {
	request  Request
	modules  map[string]*module // by directory
	plan     *Plan
	problems hcl.Diagnostics

	functions map[string]function.Function
}

func (r *run) complain(at hcl.Range, format string, args ...any) {
	r.problems = append(r.problems, problemAt(at, fmt.Sprintf(format, args...))...)
}

// open reads a module, once, for an instance of its own.
func (r *run) open(dir, address string, inputs map[string]func() cty.Value) *scope {
	m, known := r.modules[dir]
	if !known {
		var diags hcl.Diagnostics
		m, diags = readModule(r.request.Files, dir)
		r.problems = append(r.problems, diags...)
		for _, body := range m.bodies {
			r.calls(body)
		}
		r.modules[dir] = m
	}
	return &scope{run: r, module: m, address: address, inputs: inputs, known: map[string]cty.Value{}, busy: map[string]bool{}, calls: map[string]*instances{}}
}

// rootInputs are the values of the root's variables.
func (r *run) rootInputs(m *module) map[string]func() cty.Value {
	inputs := map[string]func() cty.Value{}
	set := func(name string, v cty.Value) { inputs[name] = func() cty.Value { return v } }
	for name, v := range m.variables {
		if v.fallback == cty.NilVal {
			set(name, cty.UnknownVal(v.typ.WithoutOptionalAttributesDeep()))
		}
	}
	for name, v := range r.inputs(m.dir) {
		if m.variables[name] == nil {
			r.complain(hcl.Range{Filename: path.Join(m.dir, r.request.Inputs)}, "%s is no variable", name)
		}
		set(name, v)
	}
	for name, v := range r.request.Variables {
		if m.variables[name] != nil {
			set(name, v)
		}
	}
	return inputs
}

// inputs reads the request's file of values.
func (r *run) inputs(dir string) map[string]cty.Value {
	found := map[string]cty.Value{}
	if r.request.Inputs == "" {
		return found
	}
	name := path.Join(dir, r.request.Inputs)
	data, err := fs.ReadFile(r.request.Files, name)
	if err != nil {
		r.complain(hcl.Range{Filename: name}, "%v", err)
		return found
	}
	file, diags := hclsyntax.ParseConfig(data, name, hcl.InitialPos)
	r.problems = append(r.problems, diags...)
	attributes, diags := file.Body.JustAttributes()
	r.problems = append(r.problems, diags...)
	for key, attribute := range attributes {
		value, diags := attribute.Expr.Value(nil)
		r.problems = append(r.problems, diags...)
		found[key] = value
	}
	return found
}

// readSettings takes the backend and the providers' versions from the root's terraform blocks.
func (r *run) readSettings(m *module) {
	r.plan.Providers, r.plan.Settings = map[string]cty.Value{}, map[string]cty.Value{}
	for _, block := range m.settings {
		if block.Type != "terraform" {
			continue
		}
		for _, inner := range block.Body.Blocks {
			into := r.plan.Providers
			switch inner.Type {
			case "backend":
				r.plan.Backend, into = inner.Labels[0], r.plan.Settings
			case "required_providers":
			default:
				continue
			}
			for name, attribute := range inner.Body.Attributes {
				value, diags := attribute.Expr.Value(nil)
				r.problems = append(r.problems, diags...)
				into[name] = value
			}
		}
	}
}
