package scripts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWorkflows: a step calls a make target that exists, or one of the few commands that prepare a runner; what others wrote
// is pinned by its digest; and nothing has rights that it did not ask for.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../.github/workflows/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file) //nolint:gosec // our own workflow
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range workflowProblems(string(content), string(makefile)) {
			t.Errorf("%s: %s", filepath.Base(file), problem)
		}
	}
}

func workflowProblems(workflow, makefile string) []string {
	var problems []string
	pinned := regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d`)
	for _, match := range regexp.MustCompile(`(?m)^\s*(?:- )?uses: (.*)$`).FindAllStringSubmatch(workflow, -1) {
		if !strings.HasPrefix(match[1], "./.github/workflows/") && !pinned.MatchString(match[1]) {
			problems = append(problems, "not pinned by digest with its version beside it: "+match[1])
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^\s*(?:- )?run: (.*)$`).FindAllStringSubmatch(workflow, -1) {
		target, isMake := strings.CutPrefix(match[1], "make ")
		target, _, _ = strings.Cut(target, " ")
		switch {
		case strings.HasPrefix(match[1], "sudo apt-get "): // what a machine needs, as the READMEs say
		case !isMake:
			problems = append(problems, "a step is a make target, so that it runs anywhere: "+match[1])
		case !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:.*## `).MatchString(makefile):
			problems = append(problems, "there is no target "+target)
		}
	}
	if !strings.Contains(workflow, "\npermissions: {}\n") {
		problems = append(problems, "permissions: {} is missing: each job asks for its own")
	}
	return problems
}

func TestWorkflowProblems(t *testing.T) {
	t.Parallel()
	const start, makefile = "on: push\npermissions: {}\njobs:\n", "test: ## every test\n"
	for name, c := range map[string]struct {
		workflow string
		problems int
	}{
		"good":               {start + "      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1\n      - run: make test X=1\n", 0},
		"our own":            {start + "    uses: ./.github/workflows/checks.yaml\n", 0},
		"by tag":             {start + "      - uses: actions/checkout@v7\n", 1},
		"without a version":  {start + "      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1\n", 1},
		"no such target":     {start + "      - run: make tset\n", 1},
		"a script of a step": {start + "      - run: go test ./...\n", 1},
		"all rights":         {"on: push\njobs:\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if problems := workflowProblems(c.workflow, makefile); len(problems) != c.problems {
				t.Errorf("%q, want %d", problems, c.problems)
			}
		})
	}
}
