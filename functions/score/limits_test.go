package score_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// wrongOf are the paths of the fields that are wrong with a payment in which one field has this value.
func wrongOf(t *testing.T, path string, value any) []string {
	t.Helper()
	var p map[string]any
	if err := json.Unmarshal(payment(t), &p); err != nil {
		t.Fatal(err)
	}
	switch { // what one field forbids of another is not its limit
	case path == "txid":
		p["initiation"] = "INIC"
	case strings.HasSuffix(path, ".person"):
		delete(p[path[:5]].(map[string]any), "document")
	case path == "initiation":
		delete(p, "txid")
	case path == "endToEndId":
		delete(p, "eventTime")
	}
	node := p
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		inner, ok := node[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			node[name] = inner
		}
		node = inner
	}
	node[names[len(names)-1]] = value
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = event.Decoder{Tokenizer: tokenizer(t), Raw: true}.Transaction(event.Envelope{Data: data}, clock())
	var found *pix.Problems
	if err != nil && !errors.As(err, &found) {
		t.Fatal(err)
	}
	var out []string
	for _, one := range orNone(found) {
		out = append(out, one.Field)
	}
	return out
}

func orNone(p *pix.Problems) []pix.Problem {
	if p == nil {
		return nil
	}
	return p.List
}

// taken reports whether a field may have this value. Counters are named as their message.
func taken(t *testing.T, path string, value any) bool {
	t.Helper()
	return !slices.ContainsFunc(wrongOf(t, path, value), func(field string) bool {
		return field == path || strings.HasPrefix(path, field+".") && field != ""
	})
}

// leaves are the properties of a described payment that are no message, by path.
func leaves(root map[string]any, name, path string, out map[string]map[string]any) {
	properties := at(root, root, "components", "schemas", name, "properties").(map[string]any)
	for property, schema := range properties {
		s := schema.(map[string]any)
		here := strings.TrimPrefix(path+"."+property, ".")
		to, _ := s["$ref"].(string)
		if list, ok := s["anyOf"].([]any); ok {
			to, _ = list[0].(map[string]any)["$ref"].(string)
		}
		if to == "" {
			out[here] = s
			continue
		}
		leaves(root, to[strings.LastIndex(to, "/")+1:], here, out)
	}
}

// TestOpenAPILimits: each limit that is described is the code's: what lies at it is taken, what lies beyond is not.
func TestOpenAPILimits(t *testing.T) {
	t.Parallel()
	root, all := contractOf(t), map[string]map[string]any{}
	leaves(root, "Payment", "", all)
	checked := 0
	for path, s := range all {
		for value, want := range edges(s) {
			if got := taken(t, path, value.v); got != want {
				t.Errorf("%s = %v: taken %v, described %v", path, value, got, want)
			}
			checked++
		}
	}
	if len(all) != len(rawAndFacts(t)) || checked < 300 {
		t.Errorf("%d fields, %d values: the test shows too little", len(all), checked)
	}
}

// rawAndFacts are the fields that a caller may send.
func rawAndFacts(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	pix.Walk(pix.Contract(), func(path, _ string, f *pix.Field) {
		if f.Message == "" {
			out[path] = true
		}
	})
	return out
}

// edge is a value, kept so that it can be a key.
type edge struct{ v any }

// edges are values at and beyond what a schema says, and whether it takes them.
func edges(s map[string]any) map[edge]bool {
	out := map[edge]bool{}
	for _, keyword := range []struct {
		name string
		by   int
	}{{"minimum", -1}, {"maximum", 1}} {
		if n, ok := s[keyword.name].(int); ok && n > -1<<31 && n != 1<<31-1 {
			out[edge{n}], out[edge{n + keyword.by}] = true, false
		}
	}
	if n, ok := s["maxLength"].(int); ok && n == 140 {
		out[edge{strings.Repeat("ã", n)}], out[edge{strings.Repeat("ã", n+1)}] = true, false
	}
	if list, ok := s["enum"].([]any); ok {
		for _, v := range list {
			out[edge{v}] = true
		}
		out[edge{"NONE_SUCH"}], out[edge{99}], out[edge{true}] = false, false, false
		return out
	}
	kinds := fmt.Sprint(s["type"])
	for value, kind := range map[edge]string{{true}: "boolean", {nil}: "null"} {
		out[value] = strings.Contains(kinds, kind)
	}
	if !strings.Contains(kinds, "number") && !strings.Contains(kinds, "integer") {
		out[edge{1}] = false
	}
	pattern, _ := s["pattern"].(string)
	most, bounded := s["maxLength"].(int)
	for value, fine := range spelt(pattern) {
		out[value] = fine && (!bounded || len(value.v.(string)) <= most)
	}
	return out
}

// spelt are texts of which a pattern takes some: each tells it from one that is a little wider or narrower.
func spelt(pattern string) map[edge]bool {
	out := map[edge]bool{}
	if pattern == "" {
		return out
	}
	is := regexp.MustCompile(pattern)
	for _, text := range []string{
		"E12345678202611231430aB3dE5fG7hI", "e12345678202611231430aB3dE5fG7hI", "E1234567a202611231430aB3dE5fG7hI", "E12345678202611231430aB3dE5fG7h",
		"ABCD1234", "ABCD123", "ABCD12345", "abcd1234", "25-34", "100-110+", "60+", "a", "72.5s", "72s", "604800s", "604800.1s", "604799.9s", "-1s", "072s", "1.0000000001s",
		strings.Repeat("x", 10), strings.Repeat("x", 11), strings.Repeat("x", 34), strings.Repeat("x", 35), strings.Repeat("x", 36),
		strings.Repeat("!", 256), strings.Repeat("!", 257), "a b", "é", "100", "-5", "1e", "\x7f",
	} {
		if strings.HasPrefix(pattern, `^([0-9A-Za-z][0-9A-Za-z./`) || pattern == "^[ -~]*$" { // check digits and kinds of keys are not in a pattern
			if is.MatchString(text) {
				continue
			}
		}
		if pattern == "^[A-Z_]{1,64}$" && text == "" {
			continue
		}
		out[edge{text}] = is.MatchString(text)
	}
	return out
}
