package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sethvargo/go-envconfig"

	shipped "github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/verify"
	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// policies loads the pack that a scorer with this environment would.
func policies(ctx context.Context, m *machine) []finding {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	pack, from, err := loadPolicy(ctx, m)
	if err != nil {
		return []finding{wrong("policy", "mend the pack, or unset POLICY_LOCATION for the shipped one", "%s: %v", from, err)}
	}
	return []finding{ok("policy", "%s: version %s", from, pack.Version())}
}

func loadPolicy(ctx context.Context, m *machine) (pack *policy.Pack, from string, err error) {
	data, from := policy.Shipped(), "shipped"
	if location := m.getenv("POLICY_LOCATION"); location != "" {
		from = location
		if data, err = readPolicy(ctx, location, m); err != nil {
			return nil, from, err
		}
	}
	pack, err = policy.Load(data, feature.Names())
	return pack, from, err
}

func readPolicy(ctx context.Context, location string, m *machine) (data []byte, err error) {
	f, err := modelstore.OpenFile(ctx, location, policy.MaxPackBytes, emulator.Storage(m.getenv)...)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, _, err = f.Read(ctx)
	return data, err
}

// models loads what a scorer with this environment would serve.
func models(ctx context.Context, m *machine) (list []finding) {
	keys, err := verify.Keys(m.getenv("MODEL_SIGNING_KEYS"))
	if err != nil {
		return []finding{wrong("models", "set MODEL_SIGNING_KEYS to a PEM file of public keys, or unset it", "%v", err)}
	}
	store, from := modelstore.FromFS(shipped.Shipped()), "shipped"
	if location := m.getenv("MODELS_LOCATION"); location != "" {
		from = location
		if store, list = m.openModels(ctx, location); store == nil {
			return list
		}
	}
	defer func() { _ = store.Close() }()
	for _, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		check := "model " + string(role)
		refused := func(err error) finding {
			return wrong(check, fmt.Sprintf("pixctl model rollback -store %s %s; pixctl model verify DIR says what is wrong", from, role), "%s: %v", from, err)
		}
		artefact, unread := m.artefact(ctx, check, placed{store, from, role}, refused)
		if unread != nil || ctx.Err() != nil {
			list = append(list, unread...)
			continue
		}
		model, err := verified(artefact, keys)
		if err != nil {
			list = append(list, refused(err))
			continue
		}
		list = append(list, ok(check, "%s: version %s would be served", from, model.Version()))
	}
	return list
}

// openModels opens where models are, in the time that a question has; a bucket's client may look for credentials for longer.
func (m *machine) openModels(ctx context.Context, location string) (*modelstore.Store, []finding) {
	opened := make(chan *modelstore.Store, 1)
	lasting := context.WithoutCancel(ctx) // tokens are renewed with it
	list := m.ask(ctx, []question{{"models", func(context.Context) []finding {
		store, err := modelstore.Open(lasting, location, emulator.Storage(m.getenv)...)
		if err != nil {
			return []finding{wrong("models", "set MODELS_LOCATION to a directory or gs://bucket/prefix, or unset it", "%s: %v", location, err)}
		}
		opened <- store
		return nil
	}}})
	if list != nil || ctx.Err() != nil {
		return nil, list
	}
	return <-opened, nil
}

func loadModel(ctx context.Context, store *modelstore.Store, role pix.Role, keys scoring.Keys) (*scoring.Model, error) {
	artefact, err := store.Load(ctx, role)
	if err != nil {
		return nil, err
	}
	return verified(artefact, keys)
}

// verified loads an artefact that was read, as a scorer would.
func verified(artefact modelstore.Artefact, keys scoring.Keys) (*scoring.Model, error) {
	return scoring.Load(artefact, scoring.DefaultLimits(), scoring.Contract{
		Role: artefact.Role, FeatureNames: feature.Names(), FeatureSet: feature.SetVersion(), Version: artefact.Version, Keys: keys,
	})
}

// newestModel is when the youngest of the shipped models was trained; zero where none loads.
func newestModel() (at time.Time) {
	store := modelstore.FromFS(shipped.Shipped())
	for _, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		if m, err := loadModel(context.Background(), store, role, nil); err == nil && m.Manifest().TrainedAt.After(at) {
			at = m.Manifest().TrainedAt
		}
	}
	return at
}

// example reads the payment that the documents push.
func example(_ context.Context, m *machine) []finding {
	if m.root == "" {
		return nil // said by disk
	}
	const name = "docs/examples/payment.json"
	mend := "git checkout -- " + name
	data, err := os.ReadFile(filepath.Join(m.root, name))
	if err != nil {
		return []finding{wrong("example payment", mend, "%v", err)}
	}
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		return []finding{wrong("example payment", mend, "%v", err)}
	}
	if _, err := (event.Decoder{Tokenizer: tokenizer}).Transaction(event.Envelope{Data: data}, m.now()); err != nil {
		return []finding{wrong("example payment", mend, "%v", err)}
	}
	return []finding{ok("example payment", "%s is a payment", name)}
}

// keys looks at the token key without showing it.
func keys(ctx context.Context, m *machine) []finding {
	const check, mend = "TOKEN_KEY", "export TOKEN_KEY=$(openssl rand -base64 32)"
	if m.getenv("TOKEN_KEY") == "" {
		return []finding{ok(check, "not set: only the bridge, the scorer and dlq replay -from-kafka need it")}
	}
	var c keyring.Config
	lookup := envconfig.LookuperFunc(func(name string) (string, bool) { v := m.getenv(name); return v, v != "" })
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &c, Lookuper: lookup}); err != nil {
		return []finding{wrong(check, mend, "%v", err)}
	}
	if _, err := c.Tokenizer(); err != nil {
		return []finding{wrong(check, mend, "%v", err)}
	}
	if warning := c.Warning(); warning != "" {
		return []finding{warn(check, mend+"; unset ALLOW_DEMO_TOKEN_KEY", "%s", warning)}
	}
	return []finding{ok(check, "is not one that can be guessed")}
}
