// Package dashboards carries what people look at: for now the investigations, BigQuery SQL that a fraud analyst runs as
// it stands. They are embedded so that the demo and the tests run the very files that the analyst reads.
package dashboards

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed investigations/*.sql
var files embed.FS

// Investigation returns the text of investigations/<name>.sql. Its tables are those of the query's default dataset.
func Investigation(name string) (string, error) {
	text, err := files.ReadFile("investigations/" + name + ".sql")
	if err != nil {
		return "", fmt.Errorf("investigation %q: %w", name, err)
	}
	return string(text), nil
}

// Investigations returns the names of all investigations, sorted.
func Investigations() ([]string, error) {
	paths, err := fs.Glob(files, "investigations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list investigations: %w", err)
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(p, "investigations/"), ".sql")
	}
	return names, nil
}
