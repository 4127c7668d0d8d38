package terraform_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/terraform/internal/plan"
)

// overlay is the repository with some files changed, in memory: a broken form of it costs no copy.
type overlay struct {
	fs.FS
	changed map[string]string
}

// ReadFile gives a changed file's text.
func (o overlay) ReadFile(name string) ([]byte, error) {
	if text, changed := o.changed[name]; changed {
		return []byte(text), nil
	}
	return fs.ReadFile(o.FS, name)
}

func repository() fs.FS { return os.DirFS(root) }

// environments are the names of the directories of terraform/envs.
func environments(t *testing.T, files fs.FS) []string {
	t.Helper()
	entries, err := fs.ReadDir(files, "terraform/envs")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// code and providers are read once for all tests.
var (
	code      = sync.OnceValues(fromCode)
	providers = sync.OnceValues(func() (*plan.Schema, error) {
		data, err := os.ReadFile("schema/providers.json")
		if err != nil {
			return nil, fmt.Errorf("read schema: %w", err)
		}
		return plan.ParseSchema(data)
	})
)

func contractOf(t *testing.T) contract {
	t.Helper()
	c, err := code()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func providersSchema(t *testing.T) *plan.Schema {
	t.Helper()
	s, err := providers()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deployment is what one environment makes, beside what the code asks of it.
type deployment struct {
	environment string
	contract    contract
	topics      []event.Topic
	plan        *plan.Plan
	manifests   []manifest // of Kubernetes
	project     string     // the example's

	problems []string
	covered  map[string]bool
}

// deploy works an environment out, from its configuration and from its rendered manifests, and holds it to everything. Its own
// problems are problems of the deployment.
func deploy(t *testing.T, files fs.FS, environment, rendering string) *deployment {
	t.Helper()
	made, err := plan.Work(plan.Request{
		Files: files, Dir: path.Join("terraform/envs", environment), Schema: providersSchema(t), Inputs: "terraform.tfvars.example",
	})
	d := &deployment{environment: environment, contract: contractOf(t), topics: event.Topics(), plan: made, covered: map[string]bool{}}
	if err != nil {
		d.wrong("%v", err)
	}
	for _, dataset := range d.of("google_bigquery_dataset") {
		d.project = text(dataset.Value, "project")
	}
	if d.manifests, err = manifests(rendering); err != nil {
		d.wrong("%v", err)
	}
	for _, check := range checks() {
		check(d)
	}
	return d
}

func (d *deployment) wrong(format string, args ...any) {
	d.problems = append(d.problems, d.environment+": "+fmt.Sprintf(format, args...))
}

// cover notes that a thing of the code was found in the deployment and compared.
func (d *deployment) cover(kind, name string) { d.covered[kind+" "+name] = true }

// of are the instances of a resource type.
func (d *deployment) of(typ string) []*plan.Resource {
	var found []*plan.Resource
	for _, r := range d.plan.Resources {
		if r.Type == typ && !r.Data && r.Value.Type().IsObjectType() {
			found = append(found, r)
		}
	}
	return found
}

// named are the instances of a type by an argument that names them. Twice the same name is a problem.
func (d *deployment) named(typ, argument string) map[string]*plan.Resource {
	found := map[string]*plan.Resource{}
	for _, r := range d.of(typ) {
		name := text(r.Value, argument)
		if found[name] != nil {
			d.wrong("%s: there are two %s called %s", r.At, typ, name)
		}
		found[name] = r
	}
	return found
}

// same compares a set of names with what the code has.
func (d *deployment) same(what string, code, made []string) {
	for _, name := range code {
		if !slices.Contains(made, name) {
			d.wrong("%s %s of the code is not made", what, name)
		}
	}
	for _, name := range made {
		if !slices.Contains(code, name) {
			d.wrong("%s %s is made, and the code knows none such", what, name)
		}
	}
}

// at follows a path of names and numbers into a value, to cty.NilVal where there is nothing.
func at(v cty.Value, steps ...any) cty.Value {
	for _, step := range steps {
		if v == cty.NilVal || v.IsNull() || !v.IsKnown() {
			return cty.NilVal
		}
		switch s := step.(type) {
		case string:
			switch {
			case v.Type().IsObjectType() && v.Type().HasAttribute(s):
				v = v.GetAttr(s)
			case v.Type().IsMapType() && v.HasIndex(cty.StringVal(s)).True():
				v = v.Index(cty.StringVal(s))
			default:
				return cty.NilVal
			}
		case int:
			list := items(v)
			if len(list) <= s {
				return cty.NilVal
			}
			v = list[s]
		}
	}
	return v
}

// unknown is the text of a value that only an apply would tell.
const unknown = "(known after apply)"

// text is a value as text, empty where there is none.
func text(v cty.Value, steps ...any) string {
	v = at(v, steps...)
	switch {
	case v == cty.NilVal || v.IsNull():
		return ""
	case !v.IsKnown():
		return unknown
	case v.Type() == cty.String:
		return v.AsString()
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	case v.Type() == cty.Bool:
		return fmt.Sprint(v.True())
	}
	return ""
}

// items are the elements of a list, a set or a tuple.
func items(v cty.Value, steps ...any) []cty.Value {
	v = at(v, steps...)
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return nil
	}
	var list []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		_, item := it.Element()
		list = append(list, item)
	}
	return list
}

func texts(v cty.Value, steps ...any) []string {
	var list []string
	for _, item := range items(v, steps...) {
		list = append(list, text(item))
	}
	return list
}

// lastPart is a resource's short name: the code says pix-labels-v1 where a reference says projects/p/topics/pix-labels-v1.
func lastPart(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// checks are everything that an environment is held to.
func checks() []func(*deployment) {
	return []func(*deployment){
		(*deployment).nothingHidden, (*deployment).bus, (*deployment).store, (*deployment).warehouse, (*deployment).secrets,
		(*deployment).services, (*deployment).cluster, (*deployment).access,
	}
}

// nothingHidden: what cannot be worked out cannot be compared either.
func (d *deployment) nothingHidden() {
	for _, r := range d.plan.Resources {
		if r.Key == "?" {
			d.wrong("%s: how many %s there are is known only after an apply", r.At, r.Address)
		}
	}
}

// things are what the code touches, as the checks name it.
func things(c contract, topics []event.Topic) []string {
	var all []string
	add := func(kind string, names ...string) {
		for _, name := range names {
			all = append(all, kind+" "+name)
		}
	}
	for _, topic := range topics {
		add("topic", topic.Name)
		for _, s := range topic.Subscriptions {
			add("subscription", s.Name)
		}
	}
	add("store", c.Store.Table, "app profile", "instance")
	for name := range c.Store.Families {
		add("family", name)
	}
	add("warehouse", "dataset")
	for name := range c.Warehouse.Tables {
		add("table", name)
	}
	for name := range c.Warehouse.Views {
		add("view", name)
	}
	for name := range c.Images {
		add("image", name)
	}
	for _, name := range c.Secrets {
		add("secret", name)
	}
	for name, p := range c.Processes {
		add("process", name)
		for variable := range p.Variables {
			add("variable", name+" "+variable)
		}
		for port := range p.Ports {
			add("port", name+" "+port)
		}
	}
	for principal := range rights(c) {
		add("rights", principal)
	}
	slices.Sort(all)
	return all
}

// TestDeployment holds every environment to the code, and counts: what the code touches is compared, all of it.
func TestDeployment(t *testing.T) {
	t.Parallel()
	files := repository()
	for _, environment := range environments(t, files) {
		t.Run(environment, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, files, environment, rendered(t, environment))
			for _, problem := range d.problems {
				t.Error(problem)
			}
			all := things(d.contract, d.topics)
			missing := slices.DeleteFunc(slices.Clone(all), func(thing string) bool { return d.covered[thing] })
			t.Logf("%d of %d things of the code are compared with what %s makes", len(all)-len(missing), len(all), environment)
			if len(missing) > 0 {
				t.Errorf("not compared: %s", strings.Join(missing, ", "))
			}
		})
	}
}

// columnsOf reads a schema file, and what a plan gives a table, into the same form: names, types and modes in order.
func columnsOf(data string) ([]string, error) {
	type column struct {
		Name   string          `json:"name"`
		Type   string          `json:"type"`
		Mode   string          `json:"mode"`
		Fields json.RawMessage `json:"fields"`
	}
	var list []column
	if err := json.Unmarshal([]byte(data), &list); err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	var out []string
	for _, c := range list {
		if c.Name == "" {
			return nil, errors.New("a column without a name")
		}
		if c.Mode == "" {
			c.Mode = "NULLABLE"
		}
		out = append(out, c.Name+" "+c.Type+" "+c.Mode)
		if len(c.Fields) == 0 {
			continue
		}
		inner, err := columnsOf(string(c.Fields))
		if err != nil {
			return nil, err
		}
		for _, field := range inner {
			out = append(out, c.Name+"."+field)
		}
	}
	return out, nil
}
