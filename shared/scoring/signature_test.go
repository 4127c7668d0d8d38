package scoring

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func newKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func parsed(t *testing.T, text []byte) Keys {
	t.Helper()
	keys, err := ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// signed adds a signature to an artefact as it is.
func signed(t *testing.T, fsys fstest.MapFS, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	sum := sha256.Sum256(fsys[ManifestFile].Data)
	der, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	fsys[SignatureFile] = &fstest.MapFile{Data: der}
	return der
}

// TestSignature: with keys only what one of them signed is loaded, and what was signed is this role's and version's.
func TestSignature(t *testing.T) {
	t.Parallel()
	ours, next, stranger := newKey(t, elliptic.P256()), newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	keys := parsed(t, append(publicPEM(t, ours.Public()), publicPEM(t, next.Public())...))
	for name, tc := range map[string]struct {
		change   func(fsys fstest.MapFS, c *Contract)
		signedBy *ecdsa.PrivateKey
		reason   string // none where it loads
	}{
		"ours": {signedBy: ours},
		"next": {signedBy: next},
		"in base64, wrapped": {signedBy: ours, change: func(fsys fstest.MapFS, _ *Contract) {
			text := base64.StdEncoding.EncodeToString(fsys[SignatureFile].Data)
			fsys[SignatureFile].Data = []byte(text[:76] + "\n" + text[76:] + "\n")
		}},
		"unsigned":       {reason: "only signed models are served here: manifest.json.sig is missing"},
		"a stranger's":   {signedBy: stranger, reason: "by none of the 2 keys"},
		"empty":          {signedBy: ours, change: func(fsys fstest.MapFS, _ *Contract) { fsys[SignatureFile].Data = nil }, reason: "by none"},
		"long":           {signedBy: ours, change: func(fsys fstest.MapFS, _ *Contract) { fsys[SignatureFile].Data = make([]byte, 2000) }, reason: "larger than"},
		"manifest moved": {signedBy: ours, change: func(fsys fstest.MapFS, _ *Contract) { fsys[ManifestFile].Data = append(fsys[ManifestFile].Data, ' ') }, reason: "changed after it was signed"},
		"model moved":    {signedBy: ours, change: func(fsys fstest.MapFS, _ *Contract) { fsys[ModelFile].Data[900] ^= 1 }, reason: "sha256 of model.txt"},
		"golden moved":   {signedBy: ours, change: func(fsys fstest.MapFS, _ *Contract) { fsys[GoldenFile].Data[900] ^= 1 }, reason: "sha256 of golden.json"},
		"other role":     {signedBy: ours, change: func(_ fstest.MapFS, c *Contract) { c.Role = pix.ReceiverRole }, reason: `role is "payer", expected "receiver"`},
		"other version":  {signedBy: ours, change: func(_ fstest.MapFS, c *Contract) { c.Version = "6" }, reason: `version is "gbdt", its place says "6"`},
		"other features": {signedBy: ours, change: func(_ fstest.MapFS, c *Contract) { c.FeatureSet = "2" }, reason: "feature set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys, contract := fixture(t, "gbdt"), fixtureContract()
			contract.Version, contract.Keys = "gbdt", keys
			if tc.signedBy != nil {
				signed(t, fsys, tc.signedBy)
			}
			if tc.change != nil {
				tc.change(fsys, &contract)
			}
			_, err := Load(fsys, DefaultLimits(), contract)
			if (err == nil) != (tc.reason == "") || err != nil && !strings.Contains(err.Error(), tc.reason) {
				t.Errorf("load says %v, want %q", err, tc.reason)
			}
		})
	}
}

// TestForgerIsRefusedByTheSignatureAlone moves what decides or explains and states everything anew that an artefact states
// of itself: hashes, the digest of the trees, every golden score and contribution. That serves without keys; nothing but a
// key tells.
func TestForgerIsRefusedByTheSignatureAlone(t *testing.T) {
	t.Parallel()
	key := newKey(t, elliptic.P256())
	contract := fixtureContract()
	for name, move := range map[string]func(*testing.T, *artefact){
		"a leaf": func(_ *testing.T, a *artefact) { a.moveLeaf(leafPlace{0, 0}, -10) },
		"leaves in the null space of the vectors": func(t *testing.T, a *artefact) {
			t.Helper()
			g, err := decodeGolden(a.golden, len(fixtureFeatures()), DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			pair := twins(g, forestOf(t, loadFixture(t, "deep")), treesOf(t, a.model))[0]
			a.moveLeaf(pair[0], 10)
			a.moveLeaf(pair[1], -10)
		},
		"counts": func(t *testing.T, a *artefact) {
			t.Helper()
			at, from, to := siblings(t, treesOf(t, a.model))
			for leaf, by := range map[int]float64{from: -1, to: 1} {
				a.editAt(1+at, leaf, "leaf_count", func(s string) string { return formatted(s, func(n float64) float64 { return n + by }) })
			}
		},
	} {
		fsys := fixture(t, "deep")
		signed(t, fsys, key)
		a := &artefact{model: fsys[ModelFile].Data, golden: fsys[GoldenFile].Data}
		move(t, a)
		fsys[ModelFile].Data = a.model
		fsys[GoldenFile].Data = forged(t, fsys)
		seal(t, fsys, nil)
		contract.Keys = nil
		if _, err := Load(fsys, DefaultLimits(), contract); err != nil {
			t.Errorf("%s: the forgery is not good enough: %v", name, err)
		}
		contract.Keys = parsed(t, publicPEM(t, key.Public()))
		if _, err := Load(fsys, DefaultLimits(), contract); err == nil || !strings.Contains(err.Error(), "after it was signed") {
			t.Errorf("%s: a forged model with the signature of the sound one: load says %v", name, err)
		}
	}
}

func (a *artefact) moveLeaf(p leafPlace, by float64) {
	a.editAt(1+p.tree, p.leaf, "leaf_value", func(s string) string { return formatted(s, func(x float64) float64 { return x + by }) })
}

// siblings finds two leaves of one split, the first of several rows.
func siblings(t *testing.T, trees []*tree) (at, from, to int) {
	t.Helper()
	for i, tr := range trees {
		for s := range tr.left {
			if l, r := tr.left[s], tr.right[s]; l < 0 && r < 0 && tr.count[^l] > 1 {
				return i, ^l, ^r
			}
		}
	}
	t.Fatal("no two leaves are siblings")
	return 0, 0, 0
}

// forged is golden.json as an exporter would have written it for the trees as they are.
func forged(t *testing.T, fsys fstest.MapFS) []byte {
	t.Helper()
	r, err := read(fsys[ModelFile].Data, loadFixture(t, "deep").manifest, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	g, err := decodeGolden(fsys[GoldenFile].Data, len(fixtureFeatures()), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(fsys[GoldenFile].Data, &doc); err != nil {
		t.Fatal(err)
	}
	e, calibration := newExplainer(r, g.Features), Calibration{Type: "sigmoid", A: 1}
	for i, row := range g.Vectors {
		vector := make([]float64, len(row))
		for j, v := range row {
			vector[j] = float64(v)
		}
		raw := r.forest.raw(vector)
		doc["raw"].([]any)[i], doc["probability"].([]any)[i] = raw, calibration.Probability(raw)
		if i < len(g.Contributions) {
			e.explain(vector)
			doc["contributions"].([]any)[i] = append(append([]float64{}, e.out...), e.expected)
		}
	}
	doc["trees_sha256"] = r.forest.digest
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSignatureOfOpenSSL reads what another implementation signs, as openssl leaves it and as cosign and gcloud do.
func TestSignatureOfOpenSSL(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("skipped: there is no openssl to sign with")
	}
	dir := t.TempDir()
	fsys := fixture(t, "gbdt")
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at(ManifestFile), fsys[ManifestFile].Data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at("key.pem")},
		{"pkey", "-in", at("key.pem"), "-pubout", "-out", at("public.pem")},
		{"dgst", "-sha256", "-sign", at("key.pem"), "-out", at("raw"), at(ManifestFile)},
		{"base64", "-in", at("raw"), "-out", at("base64")},
	} {
		if out, err := exec.CommandContext(t.Context(), openssl, args...).CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", args[0], err, out)
		}
	}
	public, err := os.ReadFile(at("public.pem"))
	if err != nil {
		t.Fatal(err)
	}
	contract := fixtureContract()
	contract.Keys = parsed(t, public)
	for _, form := range []string{"raw", "base64"} {
		data, err := os.ReadFile(at(form))
		if err != nil {
			t.Fatal(err)
		}
		fsys[SignatureFile] = &fstest.MapFile{Data: data}
		if _, err := Load(fsys, DefaultLimits(), contract); err != nil {
			t.Errorf("a signature of openssl, %s: %v", form, err)
		}
	}
}

// TestParseKeys: what is no list of public keys never stands for none.
func TestParseKeys(t *testing.T) {
	t.Parallel()
	private, err := x509.MarshalPKCS8PrivateKey(newKey(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text   []byte
		reason string
	}{
		"empty":       {nil, "no PEM block"},
		"no PEM":      {[]byte("key"), "no PEM block"},
		"private":     {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), `"PRIVATE KEY", expected PUBLIC KEY`},
		"other curve": {publicPEM(t, newKey(t, elliptic.P384()).Public()), "public key 1 is not an ECDSA key on P-256"},
		"garbage":     {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), "public key 1"},
	} {
		if keys, err := ParseKeys(tc.text); len(keys) > 0 || err == nil || !strings.Contains(err.Error(), tc.reason) {
			t.Errorf("%s: %d keys, %v; want %q", name, len(keys), err, tc.reason)
		}
	}
}

// FuzzParseKeys feeds any bytes to the reader of keys: it must not panic, nor give none without an error.
func FuzzParseKeys(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nTUk=\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if keys, err := ParseKeys(text); err == nil && len(keys) == 0 {
			t.Error("no keys and no error")
		}
	})
}
