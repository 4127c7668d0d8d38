// Package verify is `pixctl model verify`: it loads an artefact exactly as the scorer would.
package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "model verify", Summary: "load a model artefact as the scorer would", Run: run}
}

func run(_ context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "model verify", "DIR [-role payer|receiver]", 1)
	role := flags.String("role", "", "the model's question; the name of DIR's parent (payer or receiver) by default")
	asJSON := flags.Bool("json", false, "print the result as one JSON object")
	dirs, err := flags.Parse(args)
	if err != nil {
		return err
	}
	m, err := Load(dirs[0], *role)
	if err != nil {
		return err
	}
	return report(std.Out, m, *asJSON)
}

// Load loads an artefact as the scorer would. Without a role the directory's parent names it.
func Load(path, role string) (*scoring.Model, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("model verify: %w", err)
	}
	if role == "" {
		role = filepath.Base(filepath.Dir(dir))
	}
	if r := pix.Role(role); r != pix.PayerRole && r != pix.ReceiverRole {
		return nil, command.Usagef("-role must be payer or receiver, it cannot be told from the directory")
	}
	m, err := scoring.Load(os.DirFS(dir), scoring.DefaultLimits(), scoring.Contract{
		Role: pix.Role(role), FeatureNames: feature.Names(), FeatureSet: feature.SetVersion(), Version: filepath.Base(dir),
	})
	if err != nil {
		return nil, fmt.Errorf("model verify: refused: %w", err)
	}
	return m, nil
}

func report(w io.Writer, m *scoring.Model, asJSON bool) error {
	manifest := m.Manifest()
	if asJSON {
		err := json.NewEncoder(w).Encode(struct {
			Role     pix.Role `json:"role"`
			Version  string   `json:"version"`
			Trees    int      `json:"trees"`
			Leaves   int      `json:"leaves"`
			Features int      `json:"features"`
		}{m.Role(), m.Version(), manifest.Trees, manifest.Leaves, len(manifest.Features)})
		if err != nil {
			return fmt.Errorf("model verify: %w", err)
		}
		return nil
	}
	fmt.Fprintf(w, "%s/%s would be served: %d trees, %d leaves, %d features; "+
		"hashes, structure, features and golden scores agree, every split and leaf is covered\n",
		m.Role(), m.Version(), manifest.Trees, manifest.Leaves, len(manifest.Features))
	return nil
}
