// Package terraform_test holds the deployment to the code: contract.json is written from the sources, and what Terraform
// would make of this directory is compared with them, without an account and without a provider.
package terraform_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/functions/alert"
	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/label"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

var update = flag.Bool("update", false, "write contract.json")

// root is the repository's directory.
const root = ".."

// contract is what the code asks of whoever deploys it, as Terraform reads it.
type contract struct {
	Store     storeContract              `json:"store"`
	Warehouse warehouseContract          `json:"warehouse"`
	Images    map[string]string          `json:"images"`
	Processes map[string]processContract `json:"processes"`
	Secrets   map[string]string          `json:"secrets"`
}

type storeContract struct {
	Table    string                    `json:"table"`
	Families map[string]familyContract `json:"families"`
}

// familyContract is a family's garbage collection; with both bounds a cell leaves when either is passed, which is a UNION.
type familyContract struct {
	MaxAge      int    `json:"max_age_seconds,omitempty"`
	MaxVersions int    `json:"max_versions,omitempty"`
	Mode        string `json:"mode,omitempty"`
}

type warehouseContract struct {
	Tables map[string]tableContract `json:"tables"`
	Views  map[string]viewContract  `json:"views"`
}

type tableContract struct {
	PartitionField         string   `json:"partition_field"`
	Clustering             []string `json:"clustering"`
	RequirePartitionFilter bool     `json:"require_partition_filter"`
}

// viewContract says what a view's query reads: tables, or views, which must be there before it.
type viewContract struct {
	Tables []string `json:"tables"`
	Views  []string `json:"views"`
}

type processContract struct {
	Image     string                      `json:"image"`
	Variables map[string]variableContract `json:"variables"`
	Ports     map[string]int              `json:"ports"`
	Paths     map[string]string           `json:"paths"` // of each, by the port that serves it in Probes
	Publishes []string                    `json:"publishes"`

	ProbePort string `json:"probe_port,omitempty"` // the port of health, ready and metrics, where there are any

	Grace      int `json:"grace_seconds"` // what a stop takes at most
	Handle     int `json:"handle_seconds,omitempty"`
	DeadLetter int `json:"dead_letter_seconds,omitempty"` // what the publication of a dead letter may take after it
	DrainDelay int `json:"drain_delay_seconds,omitempty"` // how long requests are taken after readiness says no
}

type variableContract struct {
	Secret   bool   `json:"secret"`
	Required bool   `json:"required"`
	Default  string `json:"default"`
	Meaning  string `json:"meaning"`
}

// images are the programs that are deployed, by the image that holds each.
func images() map[string]string {
	return map[string]string{"functions": "functions/server", "scorer": "functions/score/server", "kafka-bridge": "kafka-bridge"}
}

// secrets are the names in Secret Manager, by the variable that takes the value.
func secrets() map[string]string {
	return map[string]string{
		"TOKEN_KEY": "pix-token-key", "PREVIOUS_TOKEN_KEY": "pix-previous-token-key", "KAFKA_SASL_PASSWORD": "kafka-sasl-password",
	}
}

// TestContractFile writes contract.json, which Terraform and Kubernetes read.
func TestContractFile(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	w := json.NewEncoder(&want)
	w.SetIndent("", "  ")
	w.SetEscapeHTML(false)
	if err := w.Encode(contractOf(t)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("contract.json", want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("contract.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("contract.json is not what the code says; run go test ./terraform -update (-code +file):\n%s", diff)
	}
}

// TestRequired: what the contract calls required is what a process with an empty environment misses.
func TestRequired(t *testing.T) {
	t.Parallel()
	none := envconfig.MapLookuper(map[string]string{})
	for process, load := range map[string]func() error{
		"score":  func() error { _, err := host.LoadFrom[score.Config](t.Context(), none); return err },
		"audit":  func() error { _, err := host.LoadFrom[row.Config](t.Context(), none); return err },
		"alert":  func() error { _, err := host.LoadFrom[alert.Config](t.Context(), none); return err },
		"label":  func() error { _, err := host.LoadFrom[label.Config](t.Context(), none); return err },
		"export": func() error { _, err := host.LoadFrom[export.Config](t.Context(), none); return err },
		setting.Bridge: func() error {
			_, err := new(keyring.Config).Tokenizer()
			return errors.Join(new(bridge.Config).Validate(), err, errors.New("PROJECT_ID: required"))
		},
	} {
		err := load()
		if err == nil {
			t.Fatalf("%s starts without anything", process)
		}
		for name, v := range contractOf(t).Processes[process].Variables {
			asked := regexp.MustCompile(`(?:^|\n|: )` + name + `(?:: required|, PREVIOUS_TOKEN_KEY: )`).MatchString(err.Error())
			if name != "FUNCTION_TARGET" && asked != v.Required { // asked for before anything is loaded
				t.Errorf("%s: is %s required? The contract says %v, the process says: %v", process, name, v.Required, err)
			}
		}
	}
}

// fromCode is the contract as the sources have it.
func fromCode() (contract, error) {
	c := contract{
		Store:  storeContract{Table: store.DefaultTable, Families: map[string]familyContract{}},
		Images: images(), Secrets: secrets(), Processes: map[string]processContract{},
	}
	for name, kept := range store.Families(store.Retention{}) {
		family := familyContract{MaxAge: int(kept.Age / time.Second), MaxVersions: kept.Versions}
		if kept.Age > 0 && kept.Versions > 0 {
			family.Mode = "UNION"
		}
		c.Store.Families[name] = family
	}
	c.Warehouse = warehouseFromCode()
	all, err := setting.All(root)
	if err != nil {
		return c, err
	}
	var problems []error
	for name := range setting.Roots() {
		p := newProcess(name, all)
		problems = append(problems, p.fromCode(name))
		c.Processes[name] = *p
	}
	return c, errors.Join(problems...)
}

func warehouseFromCode() warehouseContract {
	w := warehouseContract{Tables: map[string]tableContract{}, Views: map[string]viewContract{}}
	for name, lies := range warehouse.Layouts() {
		w.Tables[name] = tableContract{PartitionField: lies.Partition, Clustering: lies.Clustered, RequirePartitionFilter: true}
	}
	reads := regexp.MustCompile(`\$\{dataset\}\.(\w+)`)
	for _, name := range warehouse.Views() {
		view := viewContract{Tables: []string{}, Views: []string{}}
		for _, found := range reads.FindAllStringSubmatch(schemaFile(name+".sql"), -1) {
			if _, isTable := w.Tables[found[1]]; isTable {
				view.Tables = append(view.Tables, found[1])
				continue
			}
			view.Views = append(view.Views, found[1])
		}
		w.Views[name] = view
	}
	return w
}

// newProcess is a process with its variables and with what it publishes.
func newProcess(name string, all []setting.Variable) *processContract {
	p := &processContract{
		Variables: map[string]variableContract{}, Publishes: []string{}, Ports: map[string]int{}, Paths: map[string]string{},
	}
	for i := range all {
		v := &all[i]
		if slices.Contains(v.Readers, name) {
			p.Variables[v.Name] = variableContract{Secret: v.Secret(), Required: v.Required(), Default: v.Default, Meaning: v.Meaning}
		}
	}
	publisher := name
	if name == setting.Scorer { // the score function on a server of its own
		publisher = "score"
	}
	for _, topic := range event.Topics() {
		if slices.Contains(topic.Publishers, publisher) {
			p.Publishes = append(p.Publishes, topic.Name)
		}
	}
	return p
}

// process is where what the processes of functions have in common stands.
const process = "functions/process"

// fromCode adds the ports, paths and times of a process.
func (p *processContract) fromCode(name string) error {
	switch name {
	case setting.Bridge:
		p.Image, p.ProbePort = "kafka-bridge", "http"
		return errors.Join(p.port("http", "LISTEN_ADDR"), p.seconds(&p.Grace, "kafka-bridge", "grace"), p.probes("kafka-bridge/bridge"))
	case setting.Scorer:
		p.Image, p.ProbePort = "scorer", "admin"
		return errors.Join(
			p.port("http", "LISTEN_ADDR"), p.port("admin", "ADMIN_ADDR"), p.seconds(&p.Grace, process, "grace"),
			p.seconds(&p.DrainDelay, "functions/score/server", "drain"), p.probes(process), p.pushed(name),
		)
	default:
		p.Image, p.ProbePort = "functions", "admin"
		return errors.Join(
			p.port("http", "PORT"), p.port("admin", "ADMIN_ADDR"), p.seconds(&p.Grace, process, "grace"), p.probes(process), p.pushed(name),
		)
	}
}

// pushed adds what a process asks of the subscription that pushes to it.
func (p *processContract) pushed(name string) error {
	timeout := "HANDLE_TIMEOUT"
	switch name {
	case "score", setting.Scorer:
		p.Paths["decisions"] = "/v1/decisions"
	case "export":
		timeout = "EXPORT_TIMEOUT"
	}
	p.Paths["push"] = event.PushPath
	handle, err := time.ParseDuration(p.Variables[timeout].Default)
	p.Handle = int(handle / time.Second)
	return errors.Join(err, p.seconds(&p.DeadLetter, "functions/internal/push", "deadLetterTimeout"))
}

// probes adds the routes of operators.
func (p *processContract) probes(dir string) error {
	paths, err := setting.Paths(root, dir)
	for name, want := range map[string]string{"health": "/healthz", "ready": "/readyz", "metrics": "/metrics"} {
		if err == nil && !slices.Contains(paths, want) {
			err = fmt.Errorf("%s serves no %s", dir, want)
		}
		p.Paths[name] = want
	}
	return err
}

// seconds reads a constant of the sources.
func (p *processContract) seconds(into *int, dir, constant string) error {
	d, err := setting.Duration(root, dir, constant)
	*into = int(d / time.Second)
	return err
}

// port reads the number of a variable's default, :8080 or 8080.
func (p *processContract) port(name, variable string) error {
	n, err := strconv.Atoi(strings.TrimPrefix(p.Variables[variable].Default, ":"))
	p.Ports[name] = n
	return err
}
