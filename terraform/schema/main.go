// Command extract writes the part of the providers' schemas that this repository uses to terraform/schema/providers.json, so
// that tests hold the configuration to it where no provider can be had. It reads what `terraform providers schema -json`
// prints from standard input, and the resource types in use from the configuration:
//
//	terraform -chdir=terraform/bootstrap providers schema -json |
//	  go run ./terraform/schema terraform provider.json > terraform/schema/providers.json
//
// The second argument is a file that says where the schema comes from; it is copied into the output.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/sentinela-pix/sentinela/terraform/internal/plan"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "extract:", err)
		os.Exit(1)
	}
}

// printed is what Terraform prints.
type printed struct {
	Providers map[string]struct {
		Resources map[string]struct{ Block *plan.Block } `json:"resource_schemas"`
		Data      map[string]struct{ Block *plan.Block } `json:"data_source_schemas"`
	} `json:"provider_schemas"`
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("name the directory of the configuration and the file of the provenance")
	}
	resources, data, err := inUse(os.DirFS(args[0]))
	if err != nil {
		return err
	}
	provenance, err := os.ReadFile(args[1])
	if err != nil {
		return fmt.Errorf("read provenance: %w", err)
	}
	var p printed
	if err := json.NewDecoder(in).Decode(&p); err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	found := struct {
		Provenance json.RawMessage `json:"provenance"`
		plan.Schema
	}{provenance, plan.Schema{Resources: map[string]*plan.Block{}, Data: map[string]*plan.Block{}}}
	for _, provider := range p.Providers {
		for name, of := range provider.Resources {
			if resources[name] {
				found.Resources[name] = of.Block
			}
		}
		for name, of := range provider.Data {
			if data[name] {
				found.Data[name] = of.Block
			}
		}
	}
	w := json.NewEncoder(out)
	w.SetIndent("", " ")
	if err := w.Encode(found); err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	return nil
}

// inUse are the types of resources and of data sources that a configuration names.
func inUse(files fs.FS) (resources, data map[string]bool, err error) {
	resources, data = map[string]bool{}, map[string]bool{}
	block := regexp.MustCompile(`(?m)^(resource|data) "(\w+)"`)
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".tf") {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("read configuration: %w", err)
		}
		for _, found := range block.FindAllStringSubmatch(string(text), -1) {
			into := resources
			if found[1] == "data" {
				into = data
			}
			into[found[2]] = true
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list types: %w", err)
	}
	return resources, data, nil
}
