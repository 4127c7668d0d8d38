package plan_test

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/sentinela-pix/sentinela/terraform/internal/plan"
)

const schemaText = `{"resources": {"x_topic": {
  "attributes": {
    "name": {"type": "string", "required": true},
    "labels": {"type": ["map", "string"], "optional": true},
    "id": {"type": "string", "optional": true, "computed": true},
    "number": {"type": "number", "computed": true},
    "shape": {"nested_type": {"nesting_mode": "single", "attributes": {
      "a": {"type": "string", "required": true}, "b": {"type": "number", "optional": true}}}, "optional": true}
  },
  "block_types": {
    "rule": {"nesting_mode": "list", "max_items": 2, "block": {"attributes": {
      "age": {"type": "number", "required": true}, "made": {"type": "string", "computed": true}}}},
    "copy": {"nesting_mode": "set", "block": {"attributes": {"to": {"type": "string", "optional": true}}}},
    "ends": {"nesting_mode": "list", "min_items": 1, "block": {"attributes": {"at": {"type": "string", "optional": true}}}}
  }}},
 "data_sources": {"x_project": {"attributes": {"id": {"type": "string", "optional": true}, "number": {"type": "string", "computed": true}}}}}`

func schema(t *testing.T) *plan.Schema {
	t.Helper()
	s, err := plan.ParseSchema([]byte(schemaText))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func work(t *testing.T, files map[string]string) (*plan.Plan, error) {
	t.Helper()
	in := fstest.MapFS{}
	for name, text := range files {
		in[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return plan.Work(plan.Request{Files: in, Dir: "envs/dev", Inputs: "terraform.tfvars", Schema: schema(t)})
}

// names are the topics' names by address.
func names(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for _, r := range p.Resources {
		if r.Type == "x_topic" {
			out[r.Address] = r.Value.GetAttr("name").AsString()
		}
	}
	return out
}

// whole is a configuration with everything that ours uses.
func whole() map[string]string {
	return map[string]string{
		"topics.json":               `{"b": {"age": 60}, "a": {"age": 600}}`,
		"envs/dev/terraform.tfvars": `region = "south"`,
		"envs/dev/main.tf": `
terraform {
  required_providers {
    x = { source = "hashicorp/x", version = "~> 7.0" }
  }
  backend "gcs" { prefix = "dev" }
}
variable "region" { type = string }
variable "size" {
  type = object({ nodes = optional(number, 3), zone = optional(string) })
  default = {}
}
module "bus" {
  source = "../../modules/bus"
  region = var.region
  nodes  = var.size.nodes
}
module "many" {
  source   = "../../modules/bus"
  for_each = toset(["p", "q"])
  region   = each.key
  path     = "few.json"
}
output "topics" { value = module.bus.topics }
output "first" { value = module.many["p"].region }
`,
		"few.json": `{"a": {"age": 1}}`,
		"modules/bus/main.tf": `
variable "region" { type = string }
variable "path" {
  type    = string
  default = "topics.json"
}
variable "nodes" {
  type     = number
  default  = 1
  nullable = false
}
locals {
  topics = jsondecode(file("${path.module}/../../${var.path}"))
  suffix = { for k, t in local.topics : k => t.age > 100 ? "slow" : "fast" }
}
data "x_project" "this" {}
resource "x_topic" "this" {
  for_each = local.topics
  name     = "${each.key}-${local.suffix[each.key]}-${var.region}"
  labels   = { project = data.x_project.this.number }
  dynamic "rule" {
    for_each = each.value.age > 100 ? [each.value.age] : []
    content { age = rule.value }
  }
  ends {}
  lifecycle { prevent_destroy = true }
}
resource "x_topic" "counted" {
  count = var.nodes
  name  = "n${count.index}"
  ends { at = x_topic.this["a"].id }
}
output "topics" { value = { for k, t in x_topic.this : k => t.id } }
output "region" { value = var.region }
`,
	}
}

func TestWork(t *testing.T) {
	t.Parallel()
	p, err := work(t, whole())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"module.bus.x_topic.this[a]": "a-slow-south", "module.bus.x_topic.this[b]": "b-fast-south",
		"module.bus.x_topic.counted[0]": "n0", "module.bus.x_topic.counted[1]": "n1", "module.bus.x_topic.counted[2]": "n2",
		"module.many[p].x_topic.counted[0]": "n0", "module.many[q].x_topic.counted[0]": "n0",
	}
	got := names(p)
	maps.DeleteFunc(got, func(address, _ string) bool {
		return strings.Contains(address, "many") && strings.Contains(address, "this")
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if p.Outputs["first"].AsString() != "p" || p.Backend != "gcs" || p.Settings["prefix"].AsString() != "dev" {
		t.Errorf("first %v, backend %q %v", p.Outputs["first"], p.Backend, p.Settings)
	}
	if id := p.Outputs["topics"].GetAttr("a").AsString(); id != "<module.bus.x_topic.this[a].id>" {
		t.Errorf("a computed text is called %q", id)
	}
	for _, r := range p.Resources {
		switch r.Address {
		case "module.bus.x_topic.this[a]":
			if rule := r.Value.GetAttr("rule"); rule.LengthInt() != 1 || !r.Kept {
				t.Errorf("the dynamic block is %#v, kept %v", rule, r.Kept)
			}
			if n := r.Value.GetAttr("number"); n.IsKnown() {
				t.Errorf("a number that only the service knows is %#v", n)
			}
		case "module.bus.x_topic.counted[1]":
			if at := r.Value.GetAttr("ends").Index(cty.Zero).GetAttr("at"); at.AsString() != "<module.bus.x_topic.this[a].id>" {
				t.Errorf("the reference is %#v", at)
			}
		}
	}
}

// TestProblems: each of these is what Terraform would refuse too.
func TestProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, replaced, want string }{
		"an unknown type":             {`resource "x_topic" "counted"`, `resource "x_queue" "counted"`, "no such type"},
		"an unknown data source":      {`data "x_project"`, `data "x_place"`, "no such type"},
		"an unknown argument":         {`labels   =`, `lables   =`, "Unsupported argument"},
		"a computed argument":         {`labels   = {`, "number = 3\nlabels   = {", "Unsupported argument"},
		"a required argument missing": {`name  = "n${count.index}"`, ``, "Missing required argument"},
		"an unknown block":            {`ends {}`, `end {}`, "Unsupported block type"},
		"a required block missing":    {`ends {}`, ``, "At least 1"},
		"a block too often":           {`ends {}`, "ends {}\nrule { age = 1 }\nrule { age = 1 }\n", "No more than 2"},
		"a block's argument missing":  {`content { age = rule.value }`, `content {}`, "Missing required argument"},
		"a wrong type":                {`age = rule.value`, `age = "old"`, "number"},
		"an undeclared variable":      {`= var.nodes`, `= var.node`, "var.node is not declared"},
		"an undeclared local":         {`local.suffix[`, `local.sufix[`, "local.sufix is not declared"},
		"an undeclared resource":      {`x_topic.this["a"].id`, `x_topic.that["a"].id`, "x_topic.that is not declared"},
		"an attribute it has not":     {`x_topic.this["a"].id`, `x_topic.this["a"].ids`, "Unsupported attribute"},
		"a key that is not there":     {`x_topic.this["a"].id`, `x_topic.this["z"].id`, "Invalid index"},
		"an index into a set":         {`ends {}`, "ends {}\n  copy {\n    to = \"x\"\n  }\n}\noutput \"copy\" {\n  value = x_topic.this[\"a\"].copy[0].to", "Invalid index"},
		"a circle":                    {`= var.nodes`, `= length(x_topic.counted)`, "depends on itself"},
		"an unknown input":            {`nodes  = var`, `node  = var`, "has no variable node"},
		"an input missing":            {`region = var.region`, ``, "needs its variable region"},
		"an output it has not":        {`module.bus.topics`, `module.bus.topic`, "Unsupported attribute"},
		"an unknown function":         {`jsondecode(`, `jsonparse(`, "no function named"},
		"an unknown function in try":  {`= var.nodes`, `= try(jsonparse(var.nodes), var.nodes)`, "no function named"},
		"a file that is not there":    {`"few.json"`, `"none.json"`, "does not exist"},
		"a name twice":                {`data "x_project" "this" {}`, "data \"x_project\" \"this\" {}\ndata \"x_project\" \"this\" {}", "is there twice"},
		"a value of no variable":      {`region = "south"`, "region = \"south\"\nother = 1", "other is no variable"},
		"depends_on nothing":          {`count = var.nodes`, "count = var.nodes\ndepends_on = [x_topic.nothing]", "x_topic.nothing is not declared"},
		"each where it is not":        {`name  = "n${count.index}"`, `name = each.key`, "each"},
		"a value that is refused": {`default  = 1`, `default = 1
  validation {
    condition     = var.nodes < 3
    error_message = "Few."
  }`, "is refused"},
		"a precondition": {`lifecycle { prevent_destroy = true }`, `lifecycle {
    precondition {
      condition     = each.value.age < 100
      error_message = "Old."
    }
  }`, "precondition"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := whole()
			found := false
			for file, text := range files {
				found = found || strings.Contains(text, test.old)
				files[file] = strings.Replace(text, test.old, test.replaced, 1)
			}
			if !found {
				t.Fatalf("there is no %q to break", test.old)
			}
			if _, err := work(t, files); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the problem is %v, want %q", err, test.want)
			}
		})
	}
}

// TestWhatIsNotMadeIsHeldToo: where count is 0 there is no value, and the block must be right all the same.
func TestWhatIsNotMadeIsHeldToo(t *testing.T) {
	t.Parallel()
	for broken, want := range map[string]string{
		`nme = "n"
ends {}`: "Unsupported argument nme", `name = "n"`: "At least 1", `ends {}`: "Missing required argument name",
		"name = \"n\"\nends { until = 1 }": "Unsupported argument until", "name = \"n\"\nends {}\nstarts {}": "Unsupported block type",
		"name = \"n\"\nends {}\ndynamic \"rule\" {\n for_each = [1]\n content {}\n}": "Missing required argument age",
	} {
		files := whole()
		files["envs/dev/main.tf"] += "\nresource \"x_topic\" \"none\" {\ncount = 0\n" + broken + "\n}\n"
		if _, err := work(t, files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the problem is %v, want %q", broken, err, want)
		}
	}
	files := whole()
	files["envs/dev/main.tf"] += "\nresource \"x_topic\" \"none\" {\ncount = 0\nname = \"${null}\"\nends {}\n}\n"
	if _, err := work(t, files); err != nil {
		t.Errorf("what is not made has no value: %v", err)
	}
}

// TestUnknownInputs: a module alone is held to its schema, whatever its variables will be.
func TestUnknownInputs(t *testing.T) {
	t.Parallel()
	in := fstest.MapFS{}
	for name, text := range whole() {
		in[name] = &fstest.MapFile{Data: []byte(strings.Replace(text, `"topics.json"`, "null", 1))}
	}
	in["modules/bus/main.tf"].Data = []byte(strings.ReplaceAll(string(in["modules/bus/main.tf"].Data), `labels   =`, `lables   =`))
	_, err := plan.Work(plan.Request{Files: in, Dir: "modules/bus", Schema: schema(t), Variables: map[string]cty.Value{"path": cty.UnknownVal(cty.String)}})
	if err == nil || !strings.Contains(err.Error(), "Unsupported argument") {
		t.Errorf("the problem is %v", err)
	}
}

// TestFunctions holds those that are ours to what Terraform's documents say.
func TestFunctions(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`length("ação")`: "4", `length([1, 2])`: "2", `one([])`: "null", `one(["a"])`: `"a"`, `lookup({ a = 1 }, "b", 2)`: "2",
		`sum([1, 2.5])`: "3.5", `alltrue([true, "true"])`: "true", `alltrue([])`: "true",
		`replace("a.b", ".", "-")`: `"a-b"`, `replace("a1b22", "/[0-9]+/", "#")`: `"a#b#"`,
		`startswith("abc", "ab")`: "true", `endswith("abc", "ab")`: "false", `strcontains("abc", "b")`: "true",
		`cidrhost("10.1.0.0/16", 260)`: `"10.1.1.4"`, `try(null.x, 5)`: "5",
		`base64encode("{}")`: `"e30="`, `timecmp("2026-01-06T05:00:00Z", "2026-01-06T06:00:00+01:00")`: "0",
		`timecmp("2026-01-06T05:00:00Z", "2026-01-06T09:00:00Z")`: "-1",
		`tolist(toset(["b", "a"]))[0]`:                            `"a"`, `templatefile("modules/t.tpl", { n = "x" })`: `"(x)"`, `merge({ a = 1 }, { b = 2 }).b`: "2",
	} {
		files := whole()
		files["modules/t.tpl"] = "(${n})"
		files["envs/dev/main.tf"] += "\noutput \"it\" { value = jsonencode(" + expression + ") }\n"
		p, err := work(t, files)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got := p.Outputs["it"].AsString(); got != want {
			t.Errorf("%s is %s, want %s", expression, got, want)
		}
	}
}
