// Package models embeds the models that ship with this release, so that the demo and a first deployment score with a
// real model before any model store exists.
//
// The folder is also the Python side: src holds the training package, contract what both sides must agree on. The
// layout below this folder is that of a model store: <role>/<version>/{model.txt,manifest.json,golden.json,reference.json}; what ships is not signed.
package models

import (
	"embed"
	"io/fs"
)

//go:embed payer receiver
var files embed.FS

// Shipped returns the root of a model store with one model for each role.
func Shipped() fs.FS { return files }
