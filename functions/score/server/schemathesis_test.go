package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
)

// TestSchemathesis holds the running scorer to docs/openapi.yaml with requests that schemathesis makes up from it.
// SCHEMATHESIS is its program and SCHEMATHESIS_EXAMPLES how many it makes of each kind: scripts/conformance/openapi.sh sets both.
func TestSchemathesis(t *testing.T) { //nolint:paralleltest // another program needs the machine
	program := os.Getenv("SCHEMATHESIS")
	if program == "" {
		t.Skip("SCHEMATHESIS names no program: scripts/conformance/openapi.sh does")
	}
	i, err := issuer.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	_, url, _ := startServer(t, startCloud(t), "VERIFY_CALLERS=on", "PUSH_ISSUER="+i.URL(), "PUSH_AUDIENCE="+pushAudience,
		"PUSH_SERVICE_ACCOUNTS="+pusher, "CALLER_ISSUER="+i.URL(), "CALLER_AUDIENCE="+askAudience, "CALLERS="+core+"=decide+read+detail+replay",
		"DECISION_TIMEOUT=300ms", "STORE_DEADLINE=150ms") // the defaults, which the document states
	token, err := i.Mint(i.Of(core, askAudience, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	packed := filepath.Join(t.TempDir(), "payment.pb")
	if err := os.WriteFile(packed, packedPayment(t), 0o600); err != nil {
		t.Fatal(err)
	}
	tools, err := filepath.Abs("../../../scripts/tools/schemathesis")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "run", filepath.Join(tools, "../../../docs/openapi.yaml"), "--url", url,
		"--header", "Authorization: Bearer "+token, "--include-tag", "decisions", "--phases", "examples,coverage,fuzzing,stateful", "--checks", "all",
		"--max-examples", os.Getenv("SCHEMATHESIS_EXAMPLES"), "--seed", "16", "--generation-database", "none", "--continue-on-failure", "--no-color",
		"--request-timeout", "60", "--suppress-health-check", "all")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+tools, "PYTHONDONTWRITEBYTECODE=1", "PAYMENT_PB="+packed)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", strings.ReplaceAll(string(out), token, "[token]"))
	if err != nil {
		t.Errorf("schemathesis: %v", err)
	}
}

// packedPayment is the documented example in protobuf, moved to now.
func packedPayment(t *testing.T) []byte {
	t.Helper()
	_, data := payment(t, 777)
	var m pixv1.Transaction
	if err := protojson.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	out, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
