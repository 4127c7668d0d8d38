package plan

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// hold compares a body with its schema as it is written, without a value: that is all there is of a resource which is not
// made.
func (r *run) hold(body *hclsyntax.Body, b *Block) {
	for name, given := range body.Attributes {
		if a := b.Attributes[name]; a == nil || !a.Required && !a.Optional {
			r.complain(given.SrcRange, "Unsupported argument %s", name)
		}
	}
	for name, a := range b.Attributes {
		if a.Required && body.Attributes[name] == nil {
			r.complain(body.MissingItemRange(), "Missing required argument %s", name)
		}
	}
	count := map[string]int{}
	for _, given := range body.Blocks {
		name, content := given.Type, given.Body
		if name == "dynamic" {
			name, content = given.Labels[0], contentOf(given)
		}
		n := b.Blocks[name]
		if n == nil || content == nil {
			r.complain(given.DefRange(), "Unsupported block type %s", name)
			continue
		}
		count[name]++
		r.hold(content, n.Block)
	}
	for name, n := range b.Blocks {
		if count[name] < n.Min {
			r.complain(body.MissingItemRange(), "At least %d blocks %s", n.Min, name)
		}
	}
}

// contentOf is the block that a dynamic block repeats.
func contentOf(dynamic *hclsyntax.Block) *hclsyntax.Body {
	for _, inner := range dynamic.Body.Blocks {
		if inner.Type == "content" {
			return inner.Body
		}
	}
	return nil
}

// calls holds the functions that a module calls to those that are known: in can() and try() one that is not known would go by
// as a false.
func (r *run) calls(body *hclsyntax.Body) {
	types := map[string]bool{"list": true, "set": true, "map": true, "tuple": true, "object": true, "optional": true}
	diags := hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
		if call, ok := node.(*hclsyntax.FunctionCallExpr); ok {
			if _, known := r.functions[call.Name]; !known && !types[call.Name] {
				return problemAt(call.NameRange, "There is no function named "+call.Name+" in terraform/internal/plan")
			}
		}
		return nil
	})
	r.problems = append(r.problems, diags...)
}
