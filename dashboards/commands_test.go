package dashboards_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// grammar is what the commands of others take, as far as runbooks need it, looked up in the help of gcloud 528, kubectl 1.32
// and Kafka 4.1. A command outside of it is looked up first and added then.
var grammar = map[string]string{
	"gcloud pubsub subscriptions describe":     "",
	"gcloud run services logs read":            "--region --limit",
	"gcloud run services describe":             "--region",
	"gcloud run services update-traffic":       "--region --to-revisions",
	"gcloud scheduler jobs list":               "--location",
	"gcloud scheduler jobs run":                "--location",
	"gcloud bigtable clusters list":            "--instances",
	"gcloud bigtable clusters update":          "--instance --autoscaling-min-nodes --autoscaling-max-nodes",
	"kubectl -n sentinela get pods":            "-o",
	"kubectl -n sentinela get events":          "--sort-by",
	"kubectl -n sentinela top pods":            "",
	"kubectl -n sentinela logs":                "-l --prefix --since --tail",
	"kubectl -n sentinela describe hpa":        "",
	"kubectl -n sentinela patch hpa":           "--patch",
	"kubectl -n sentinela delete pod":          "",
	"kubectl -n sentinela rollout undo":        "",
	"kubectl -n sentinela rollout restart":     "",
	"kubectl cordon":                           "",
	"kubectl drain":                            "--ignore-daemonsets --delete-emptydir-data",
	"kafka-configs.sh":                         "--bootstrap-server --alter --entity-type --entity-name --add-config",
	"kafka-transactions.sh --bootstrap-server": "--broker-id --topic --partition --start-offset",
	"curl": "-fsS",
}

// TestRunbooksCommandsExist: every line of every block is a command that there is, with flags that it takes, upon things that
// this repository makes.
func TestRunbooksCommandsExist(t *testing.T) {
	t.Parallel()
	lines := 0
	for _, name := range alerts(t) {
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text(t, "docs/runbooks/"+name+".md"), -1) {
			for line := range strings.Lines(block[1]) {
				lines++
				if problem := commandProblem(t, strings.TrimSpace(line)); problem != "" {
					t.Errorf("%s: %s\n\t%s", name, problem, line)
				}
			}
		}
	}
	if lines < 100 {
		t.Errorf("%d commands", lines)
	}
}

// commandProblem says what is wrong with a command; nothing is empty.
func commandProblem(t *testing.T, line string) string {
	t.Helper()
	if rest, ok := strings.CutPrefix(line, "pixctl "); ok {
		return pixctlProblem(t, rest)
	}
	for command, takes := range grammar {
		rest, ok := strings.CutPrefix(line, command+" ")
		switch {
		case line == command:
			rest = ""
		case !ok:
			continue
		}
		for _, flag := range regexp.MustCompile(`(?:^| )(--?[a-zA-Z-]+)`).FindAllStringSubmatch(rest, -1) {
			if !slices.Contains(strings.Fields(takes), flag[1]) {
				return command + " takes no " + flag[1]
			}
		}
		return thingProblem(t, line)
	}
	return "nobody looked this command up"
}

// thingProblem: deployments, autoscalers, subscriptions, services and jobs that are named are made here.
func thingProblem(t *testing.T, line string) string {
	t.Helper()
	for form, places := range map[string][2]string{
		`deployment/(\S+)`:                          {"k8s/base", "name: %"},
		`app.kubernetes.io/name=(\S+)`:              {"k8s/base", "app.kubernetes.io/name: %"},
		`hpa (\S+)`:                                 {"k8s/base", "name: %"},
		`subscriptions describe (\S+)`:              {"shared/event/topics.json", `"%": {`},
		`services (?:logs read|describe) pix-(\S+)`: {"terraform/contract.json", `"%"`},
		`jobs run (\S+)`:                            {"terraform/modules/scheduler", `= "%"`},
	} {
		m := regexp.MustCompile(form).FindStringSubmatch(line)
		if m != nil && !mentions(t, places[0], strings.ReplaceAll(places[1], "%", m[1])) {
			return "nothing here makes " + m[1]
		}
	}
	return ""
}

// pixctlProblem: the subcommand is there, and its package has the flags.
func pixctlProblem(t *testing.T, rest string) string {
	t.Helper()
	words := strings.Fields(rest)
	pages, err := filepath.Glob(filepath.Join(root, "scripts/pixctl/internal/*/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for n := min(2, len(words)); n > 0; n-- {
		named := `"` + strings.Join(words[:n], " ") + `"`
		places := []string{"scripts/pixctl/internal/command"}
		for _, page := range pages {
			if source, err := os.ReadFile(page); err == nil && strings.Contains(string(source), named) {
				places = append(places, strings.TrimPrefix(filepath.Dir(page), root+"/"))
			}
		}
		if len(places) > 1 {
			return flagProblem(t, places, rest)
		}
	}
	return "pixctl has no such subcommand"
}

func flagProblem(t *testing.T, places []string, rest string) string {
	t.Helper()
	for _, flag := range regexp.MustCompile(` -([a-z-]+)`).FindAllStringSubmatch(rest, -1) {
		if !slices.ContainsFunc(places, func(place string) bool { return mentions(t, place, `"`+flag[1]+`",`) }) {
			return "no flag -" + flag[1]
		}
	}
	return ""
}

// mentions says whether a file below a place has a text.
func mentions(t *testing.T, place, what string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(filepath.Join(root, place), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || found {
			return err
		}
		data, err := os.ReadFile(name)
		found = err == nil && strings.Contains(string(data), what)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
