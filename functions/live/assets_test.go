package live_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func file(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile("assets/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestWords: both languages say the same things, everything that the page asks for is said, and nothing else.
func TestWords(t *testing.T) {
	t.Parallel()
	var words map[string]map[string]string
	if err := json.Unmarshal([]byte(file(t, "words.json")), &words); err != nil {
		t.Fatal(err)
	}
	pt, en := words["pt"], words["en"]
	if diff := cmp.Diff(slices.Sorted(maps.Keys(pt)), slices.Sorted(maps.Keys(en))); diff != "" {
		t.Errorf("languages (-pt +en):\n%s", diff)
	}
	marks := regexp.MustCompile(`\{\w+\}`)
	for key := range pt {
		a, b := marks.FindAllString(pt[key], -1), marks.FindAllString(en[key], -1)
		slices.Sort(a)
		slices.Sort(b)
		if diff := cmp.Diff(a, b); diff != "" || pt[key] == "" || en[key] == "" {
			t.Errorf("%s fills other marks:\n%s", key, diff)
		}
	}
	page := file(t, "page.html") + file(t, "app.js")
	asked := map[string]bool{}
	for _, m := range regexp.MustCompile(`data-word="(\w+)"|\{\{\.T\.(\w+)\}\}|"(\w+)"`).FindAllStringSubmatch(page, -1) {
		asked[m[1]+m[2]+m[3]] = true
	}
	// What the data names: outcomes, directions, roles, thresholds, steps.
	for _, named := range []string{"OUTBOUND", "INBOUND", "INTERNAL", "payer", "receiver", "limit_review", "limit_reject", "limit_block", "audited", "alerted", "dead_letters"} {
		asked[named] = true
	}
	for _, m := range regexp.MustCompile(`data-word="(\w+)">\{\{\.T\.(\w+)\}\}`).FindAllStringSubmatch(page, -1) {
		if m[1] != m[2] {
			t.Errorf("%s is drawn as %s first", m[1], m[2])
		}
	}
	for key := range pt {
		if !asked[key] {
			t.Errorf("nobody asks for the words of %s", key)
		}
	}
	for _, m := range regexp.MustCompile(`\bt\("(\w+)"|section\("(\w+)"|data-word="(\w+)"`).FindAllStringSubmatch(page, -1) {
		if key := m[1] + m[2] + m[3]; pt[key] == "" {
			t.Errorf("%s has no words", key)
		}
	}
}

// TestNoMarkupIsMade: texts go in as texts, and nothing comes from anywhere else.
func TestNoMarkupIsMade(t *testing.T) {
	t.Parallel()
	script := file(t, "app.js")
	for _, way := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", ".style", "fetch(", "import("} {
		if strings.Contains(script, way) {
			t.Errorf("the script uses %s", way)
		}
	}
	for _, name := range []string{"app.js", "style.css", "page.html", "icon.svg"} {
		text := strings.ReplaceAll(file(t, name), "http://www.w3.org/2000/svg", "")
		for _, elsewhere := range []string{"http:", "https:", "//cdn", "@import", "url("} {
			if strings.Contains(text, elsewhere) {
				t.Errorf("%s names %s", name, elsewhere)
			}
		}
	}
	if page := file(t, "page.html"); regexp.MustCompile(`\son\w+=|\sstyle=|<style|<script>`).MatchString(page) {
		t.Error("the page holds a script or a look that its policy of content refuses")
	}
}

// TestContrast: every text can be read in either theme, by WCAG 2.2's AA: 4.5 to 1, and 3 to 1 for what is no text.
func TestContrast(t *testing.T) {
	t.Parallel()
	colours := map[string][2]float64{}
	for _, m := range regexp.MustCompile(`--(\w+): light-dark\((#\w{6}), (#\w{6})\)`).FindAllStringSubmatch(file(t, "style.css"), -1) {
		colours[m[1]] = [2]float64{luminance(t, m[2]), luminance(t, m[3])}
	}
	check := func(front, back string, least float64) {
		f, okF := colours[front]
		b, okB := colours[back]
		if !okF || !okB {
			t.Fatalf("no colour %s or %s", front, back)
		}
		for i, theme := range []string{"light", "dark"} {
			if ratio := (max(f[i], b[i]) + 0.05) / (min(f[i], b[i]) + 0.05); ratio < least {
				t.Errorf("%s on %s, %s: %.2f to 1, want %v", front, back, theme, ratio, least)
			}
		}
	}
	for _, text := range []string{"ink", "soft", "approve", "review", "block", "reject"} {
		check(text, "panel", 4.5)
		check(text, "ground", 4.5)
	}
	check("on", "reject", 4.5)
	check("on", "review", 4.5)
	check("mark", "panel", 3)
	check("mark", "ground", 3)
}

// luminance is WCAG's relative luminance of a colour.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(colour[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb)
}
