package score_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// signModel signs a version in a directory of models.
func signModel(t *testing.T, dir string, key *ecdsa.PrivateKey) {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(manifest)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json.sig"), signature, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOnlySignedModelsServe: where keys are named, a version that is unsigned, signed by a stranger or carried to another
// name is refused as any bad model is, and the one before goes on serving.
func TestOnlySignedModelsServe(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "keys.pem")
	if err := os.WriteFile(keys, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newReloadable(t, func(c *score.Config) {
		found, err := filepath.Glob(filepath.Join(c.Models, "*", "*", "manifest.json"))
		if err != nil || len(found) != 2 {
			t.Fatalf("models %v, %v", found, err)
		}
		for _, manifest := range found {
			signModel(t, filepath.Dir(manifest), key)
		}
		c.ModelSigningKeys = keys
	})
	serves := func() string {
		m, err := r.ModelSet().Model(pix.PayerRole)
		if err != nil {
			t.Fatal(err)
		}
		return m.Version()
	}
	dir := func(version string) string { return filepath.Join(r.models, "payer", version) }
	r.addModel(t, "2", nil)
	r.addModel(t, "3", nil)
	signModel(t, dir("3"), stranger)
	r.write(t, filepath.Join(dir("4"), "model.txt"), nil)
	if err := os.CopyFS(dir("5"), os.DirFS(dir("1"))); err != nil { // an old version, signed, under a new name
		t.Fatal(err)
	}
	for refusals, version := range []string{"2", "3", "4", "5"} {
		r.write(t, filepath.Join(r.models, "payer", "current"), []byte(version+"\n1\n"))
		r.await(t, "the refusal of "+version, func() bool {
			return r.metric(t, "pix_model_refusals_total", "payer", "champion") == float64(refusals+1)
		})
		if serves() != "1" || r.metric(t, "pix_model_current", "payer", "champion") != 0 {
			t.Errorf("after %s was named %s serves", version, serves())
		}
	}
	for _, reason := range []string{"manifest.json.sig is missing", "by none of the 1 keys", `version is \"1\", its place says \"5\"`} {
		if log := r.complaints(); !strings.Contains(log, reason) {
			t.Errorf("the log does not say %q:\n%s", reason, log)
		}
	}
	r.addModel(t, "6", nil)
	signModel(t, dir("6"), key)
	r.write(t, filepath.Join(r.models, "payer", "current"), []byte("6\n1\n"))
	r.await(t, "what is signed", func() bool { return serves() == "6" })
	conditions := r.Conditions()
	at := slices.IndexFunc(conditions, func(c lifecycle.Condition) bool { return c.Name == "models" })
	if says := conditions[at].Tell(); !slices.Contains(strings.Fields(says), "payer/6") {
		t.Errorf("readiness says %q, which pixctl model promote -wait reads", says)
	}
}

// TestStartNeedsItsKeys: a scorer that is to serve signed models alone does not start without keys, nor with models that
// nobody signed.
func TestStartNeedsItsKeys(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, filepath.Join(dir, "none.pem")} {
		c, env := r.config, r.env
		c.ModelSigningKeys, env.Metrics = file, prometheus.NewRegistry()
		app, err := score.Open(t.Context(), &c, env)
		if err == nil || !strings.Contains(err.Error(), "MODEL_SIGNING_KEYS") {
			t.Errorf("%s gave %v", file, err)
		}
		if app != nil {
			_ = app.Close(t.Context())
		}
	}
	c := r.config
	c.Models, c.ModelSigningKeys = "", empty
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "MODEL_SIGNING_KEYS: needs MODELS_LOCATION") {
		t.Errorf("keys for the shipped models: %v", err)
	}
}
