package terraform_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRolesTable: the page lists every role that prod's example binds, so that a reviewer sees one more.
func TestRolesTable(t *testing.T) {
	t.Parallel()
	d := deploy(t, repository(), "prod", "")
	want := rolesTable(d.grants())
	const begin, end = "<!-- roles: written by the test -->\n", "<!-- end of roles -->\n"
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(page), begin)
	shown, after, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatal("README.md has no place for the roles")
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("run go test ./terraform -run Roles -update\n%s", diff)
	}
}

// rolesTable has a row for each principal and role, with the things that it is bound to.
func rolesTable(grants []grant) string {
	things := map[[2]string][]string{}
	for _, g := range grants {
		key := [2]string{principal(g.member), strings.TrimPrefix(lastRole(g.role), "roles/")}
		things[key] = append(things[key], strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(g.kind, "google_"), "_", " ")+" "+shortThing(g.thing)))
	}
	var rows []string
	for key, list := range things {
		slices.Sort(list)
		rows = append(rows, fmt.Sprintf("| %s | `%s` | %s |\n", key[0], key[1], strings.Join(slices.Compact(list), ", ")))
	}
	slices.Sort(rows)
	return "| principal | role | things |\n|---|---|---|\n" + strings.Join(rows, "")
}

// principal is who a member is, without project and domain.
func principal(member string) string {
	kind, name, _ := strings.Cut(member, ":")
	switch {
	case kind == "serviceAccount" && strings.Contains(name, "["):
		return "pods of " + strings.TrimSuffix(name[strings.Index(name, "[")+1:], "]")
	case strings.HasPrefix(name, "service-"):
		_, agent, _ := strings.Cut(name, "@")
		agent, _, _ = strings.Cut(agent, ".")
		return "agent " + agent
	case kind == "serviceAccount":
		account, _, _ := strings.Cut(name, "@")
		return account
	case kind == "principal":
		return "pods of " + name[strings.Index(name, "/ns/")+len("/ns/"):]
	default:
		return kind + " " + name
	}
}

// shortThing is a thing's name without the example's project.
func shortThing(thing string) string {
	account, _, isAccount := strings.Cut(thing, "@")
	if isAccount {
		return account
	}
	return strings.ReplaceAll(thing, "sentinela-prod", "PROJECT")
}
