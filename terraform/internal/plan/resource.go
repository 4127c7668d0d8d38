package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// resource works a resource out: all its instances, as a reference to it has them.
func (s *scope) resource(address string, at hcl.Range) cty.Value {
	return s.once(address, at, func() cty.Value {
		r := s.module.resources[address]
		if r == nil {
			s.run.complain(at, "%s is not declared", address)
			return cty.DynamicVal
		}
		block := s.run.request.Schema.block(r)
		if block == nil {
			s.run.complain(r.at, "%s: the schema has no such type; is it in terraform/schema/providers.json?", address)
			return cty.DynamicVal
		}
		s.run.plan.Types[r.typ] = true
		s.dependsOn(r.body)
		x := s.expand(r.body)
		if len(x.each) == 0 { // nothing is made, and the block must be right all the same
			s.run.hold(providersPart(r.body), block)
		}
		values := map[string]cty.Value{}
		for _, key := range sorted(x.each) {
			made := s.instance(r, block, key, x.each[key])
			s.run.plan.Resources = append(s.run.plan.Resources, made)
			values[key] = made.Value
		}
		return x.collect(values)
	})
}

// block is the schema of a resource's type.
func (s *Schema) block(r *resource) *Block {
	if r.data {
		return s.Data[r.typ]
	}
	return s.Resources[r.typ]
}

// instance works one instance out.
func (s *scope) instance(r *resource, block *Block, key string, of *each) *Resource {
	made := &Resource{
		Module: s.address, Address: s.prefix() + r.address() + keyed(key), Type: r.typ, Name: r.name, Key: key, Data: r.data,
		At: fmt.Sprintf("%s:%d", r.at.Filename, r.at.Start.Line),
	}
	body, spec := providersPart(r.body), block.spec()
	context := s.context(dynblock.VariablesHCLDec(body, spec), of)
	value, diags := hcldec.Decode(dynblock.Expand(body, context), spec, context)
	s.run.problems = append(s.run.problems, diags...)
	if diags.HasErrors() {
		made.Value = cty.DynamicVal
		return made
	}
	made.Value = block.complete(value, func(attribute string) string { return nameOf(made, value, attribute) })
	made.Kept = s.lifecycle(r.body, of)
	return made
}

// providersPart is a body without what belongs to Terraform.
func providersPart(body *hclsyntax.Body) *hclsyntax.Body {
	part := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: body.SrcRange, EndRange: body.EndRange}
	for name, attribute := range body.Attributes {
		if !metaArguments()[name] {
			part.Attributes[name] = attribute
		}
	}
	for _, block := range body.Blocks {
		if block.Type != "lifecycle" && block.Type != "provisioner" && block.Type != "connection" {
			part.Blocks = append(part.Blocks, block)
		}
	}
	return part
}

// lifecycle tells whether the resource is kept from destruction, and holds it to its preconditions.
func (s *scope) lifecycle(body *hclsyntax.Body, of *each) (kept bool) {
	for _, block := range body.Blocks {
		if block.Type != "lifecycle" {
			continue
		}
		if prevent := block.Body.Attributes["prevent_destroy"]; prevent != nil {
			v, diags := prevent.Expr.Value(nil)
			s.run.problems = append(s.run.problems, diags...)
			kept = !diags.HasErrors() && v.True()
		}
		for _, rule := range block.Body.Blocks {
			condition := rule.Body.Attributes["condition"]
			if rule.Type != "precondition" || condition == nil {
				continue
			}
			if v := s.value(condition.Expr, of); v.IsWhollyKnown() && v.Type() == cty.Bool && v.False() {
				s.run.complain(rule.DefRange(), "a precondition is not met")
			}
		}
	}
	return kept
}

// dependsOn holds the references of depends_on to what there is.
func (s *scope) dependsOn(body *hclsyntax.Body) {
	attribute := body.Attributes["depends_on"]
	if attribute == nil {
		return
	}
	for _, t := range attribute.Expr.Variables() {
		name := attributeOf(t, 1)
		switch root := t.RootName(); root {
		case "module":
			if s.module.calls[name] == nil {
				s.run.complain(t.SourceRange(), "module.%s is not declared", name)
			}
		case "data":
			name = name + "." + attributeOf(t, 2)
			fallthrough
		default:
			if s.module.resources[root+"."+name] == nil {
				s.run.complain(t.SourceRange(), "%s.%s is not declared", root, name)
			}
		}
	}
}

// nameOf is what a service would answer for a computed text: its real form where it follows from the configuration, and
// otherwise a name that tells whose it is.
func nameOf(r *Resource, v cty.Value, attribute string) string {
	get := func(name string) string {
		if !v.Type().HasAttribute(name) {
			return ""
		}
		field := v.GetAttr(name)
		if field.IsNull() || !field.IsKnown() || field.Type() != cty.String {
			return ""
		}
		return field.AsString()
	}
	project := get("project")
	if project == "" {
		project = "-"
	}
	form := ""
	switch r.Type + "." + attribute {
	case "google_service_account.email":
		form = get("account_id") + "@" + project + ".iam.gserviceaccount.com"
	case "google_service_account.member":
		form = "serviceAccount:" + get("account_id") + "@" + project + ".iam.gserviceaccount.com"
	case "google_pubsub_topic.id":
		form = "projects/" + project + "/topics/" + get("name")
	case "google_pubsub_subscription.id":
		form = "projects/" + project + "/subscriptions/" + get("name")
	case "google_secret_manager_secret.id", "google_secret_manager_secret.name":
		form = "projects/" + project + "/secrets/" + get("secret_id")
	case "google_storage_bucket.url":
		form = "gs://" + get("name")
	default:
		form = "<" + r.Address + "." + attribute + ">"
	}
	return form
}
