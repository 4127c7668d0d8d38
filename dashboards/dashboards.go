// Package dashboards carries what people look at: for now the investigations, BigQuery SQL that a fraud analyst runs as
// it stands. They are embedded so that the demo and the tests run the very files that the analyst reads.
package dashboards

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed investigations/*.sql
var files embed.FS

// Investigation returns the text of investigations/<name>.sql with its dataset filled in. Dataset is "project.dataset".
func Investigation(name, dataset string) (string, error) {
	text, err := files.ReadFile("investigations/" + name + ".sql")
	if err != nil {
		return "", fmt.Errorf("investigation %q: %w", name, err)
	}
	return strings.ReplaceAll(string(text), "${dataset}", dataset), nil
}
