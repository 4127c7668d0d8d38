// Package docs holds the documents that a process serves.
package docs

import (
	_ "embed"
	"slices"
)

//go:embed openapi.yaml
var openapi []byte

// OpenAPI is the contract with callers of the scorer, OpenAPI 3.1 in YAML: openapi.yaml of this directory.
func OpenAPI() []byte { return slices.Clone(openapi) }
