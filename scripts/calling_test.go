package scripts_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// chapter is what both languages of a page must have alike: the level of its heading, what stands in code's type, in whatever
// order a language wants it, its blocks of code, and how many rows and points it has.
type chapter struct {
	Level        int
	Quoted       []string
	Blocks       []string
	Rows, Points int
}

func chapters(text string) []chapter {
	var all []chapter
	for _, part := range regexp.MustCompile(`(?m)^#+ `).FindAllStringIndex(text, -1) {
		rest := text[part[0]:]
		if next := regexp.MustCompile(`(?m)^#+ `).FindStringIndex(rest[1:]); next != nil {
			rest = rest[:next[0]+1]
		}
		c := chapter{Level: part[1] - part[0] - 1}
		for _, block := range regexp.MustCompile("(?s)```.*?\n```").FindAllString(rest, -1) {
			c.Blocks = append(c.Blocks, block)
			rest = strings.Replace(rest, block, "", 1)
		}
		c.Quoted = quoted(rest)
		slices.Sort(c.Quoted)
		c.Rows = len(regexp.MustCompile(`(?m)^\|`).FindAllString(rest, -1))
		c.Points = len(regexp.MustCompile(`(?m)^(-|\d\.) `).FindAllString(rest, -1))
		all = append(all, c)
	}
	return all
}

// TestBothCallingPagesAreInStep: who reads the one may rely on what the other says.
func TestBothCallingPagesAreInStep(t *testing.T) {
	t.Parallel()
	english, portuguese := chapters(text(t, "docs/calling.md")), chapters(text(t, "docs/calling.pt-BR.md"))
	if len(english) < 8 {
		t.Errorf("%d chapters", len(english))
	}
	if diff := cmp.Diff(english, portuguese); diff != "" {
		t.Errorf("(-calling.md +calling.pt-BR.md):\n%s", diff)
	}
}

// TestCallingNamesEveryKind: each way that a payment is refused has its row, and the row says to come back where the message
// would be retried, and only there.
func TestCallingNamesEveryKind(t *testing.T) {
	t.Parallel()
	for page, yes := range map[string]string{"docs/calling.md": "yes", "docs/calling.pt-BR.md": "sim"} {
		for kind := pix.Unexpected; kind <= pix.Cancelled; kind++ {
			d := kind.Disposition()
			found := 0
			for _, row := range tableRows(text(t, page)) {
				if len(row) != 3 || row[0] != strconv.Itoa(d.HTTPStatus) || !slices.Contains(quoted(row[1]), d.Label) {
					continue
				}
				found++
				if strings.HasPrefix(row[2], yes) == d.DeadLetter {
					t.Errorf("%s: %s: %q", page, d.Label, row[2])
				}
			}
			if found != 1 {
				t.Errorf("%s: %d rows of status %d and kind %s", page, found, d.HTTPStatus, d.Label)
			}
		}
	}
}
