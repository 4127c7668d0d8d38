// Package verify is `pixctl model verify`: it loads an artefact exactly as the scorer would.
package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "model verify", Summary: "load a model artefact as the scorer would", Run: run}
}

func run(_ context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "model verify", "DIR [-role payer|receiver] [-keys FILE]", 1)
	role := flags.String("role", "", "the model's question; the name of DIR's parent (payer or receiver) by default")
	keysFile := flags.String("keys", std.Getenv("MODEL_SIGNING_KEYS"), KeysUsage)
	asJSON := flags.Bool("json", false, "print the result as one JSON object")
	dirs, err := flags.Parse(args)
	if err != nil {
		return err
	}
	keys, err := Keys(*keysFile)
	if err != nil {
		return fmt.Errorf("model verify: %w", err)
	}
	m, err := Load(dirs[0], pix.Role(*role), keys)
	if err != nil {
		return err
	}
	return report(std.Out, m, len(keys) > 0, *asJSON)
}

// KeysUsage explains the flag of a file of keys.
const KeysUsage = "PEM file of the public keys, one of which must have signed the model; MODEL_SIGNING_KEYS by default, none when empty"

// Keys reads who may sign models. Without a file nobody has to.
func Keys(file string) (scoring.Keys, error) {
	if file == "" {
		return nil, nil
	}
	text, err := fs.ReadFile(modelstore.Files(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	keys, err := scoring.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return keys, nil
}

// Load loads an artefact as a scorer with these keys would. Without a role the directory's parent names it.
func Load(path string, role pix.Role, keys scoring.Keys) (*scoring.Model, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("model verify: %w", err)
	}
	if role == "" {
		role = pix.Role(filepath.Base(filepath.Dir(dir)))
	}
	if role != pix.PayerRole && role != pix.ReceiverRole {
		return nil, command.Usagef("-role must be payer or receiver, it cannot be told from the directory")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("model verify: there is no directory %s", dir)
	}
	m, err := scoring.Load(modelstore.Files(dir), scoring.DefaultLimits(), scoring.Contract{
		Role: role, FeatureNames: feature.Names(), FeatureSet: feature.SetVersion(), Version: filepath.Base(dir), Keys: keys,
	})
	if err != nil {
		return nil, fmt.Errorf("model verify: refused: %w", err)
	}
	return m, nil
}

func report(w io.Writer, m *scoring.Model, signed, asJSON bool) error {
	manifest := m.Manifest()
	if asJSON {
		err := json.NewEncoder(w).Encode(struct {
			Role     pix.Role `json:"role"`
			Version  string   `json:"version"`
			Trees    int      `json:"trees"`
			Leaves   int      `json:"leaves"`
			Features int      `json:"features"`
			Signed   bool     `json:"signed"` // by one of the keys that were given
		}{
			Role: m.Role(), Version: m.Version(), Trees: manifest.Trees, Leaves: manifest.Leaves, Features: len(manifest.Features), Signed: signed,
		})
		if err != nil {
			return fmt.Errorf("model verify: %w", err)
		}
		return nil
	}
	by := "who made it is not asked, without -keys"
	if signed {
		by = "one of the keys has signed it"
	}
	fmt.Fprintf(w, "%s/%s would be served: %d trees, %d leaves, %d features; "+
		"hashes, structure, features and golden scores agree, every split and leaf is covered; %s\n",
		m.Role(), m.Version(), manifest.Trees, manifest.Leaves, len(manifest.Features), by)
	return nil
}
