package setting

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// Metrics matches the names of metrics that the sources below a root have as a text: some are put together, of "pix_", a noun
// and the rest, which stands there or is what counter is called with.
func Metrics(root fs.FS) (*regexp.Regexp, error) {
	whole, parts := regexp.MustCompile(`"(pix_[a-z0-9_]+)"`), regexp.MustCompile(`"pix_" \+ \w+ \+ "_([a-z_]*)"`)
	given := regexp.MustCompile(`counter\("([a-z_]+)"`)
	forms := []string{"none"}
	add := func(source, before string, literal *regexp.Regexp) {
		for _, match := range literal.FindAllStringSubmatch(source, -1) {
			forms = append(forms, before+match[1])
		}
	}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != "." || entry.Name() == "build") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		add(string(source), "", whole)
		if parts.Match(source) {
			add(string(source), "pix_[a-z]+_", parts)
			add(string(source), "pix_[a-z]+_", given)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the sources' metrics: %w", err)
	}
	return regexp.MustCompile("^(?:" + strings.Join(forms, "|") + ")(?:_bucket|_count|_sum)?$"), nil
}
