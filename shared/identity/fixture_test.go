package identity_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
)

const (
	audience = "https://score.example"
	pusher   = "push@p.iam.gserviceaccount.com"
	desk     = "desk-7"
)

func newIssuer(t testing.TB) *issuer.Issuer {
	t.Helper()
	i, err := issuer.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

func configOf(i *issuer.Issuer) identity.Config {
	return identity.Config{
		Issuer: i.URL(), Audience: audience, Transport: new(http.Transport),
		Callers: map[string][]identity.Role{pusher: {identity.Push}, desk: {identity.Decide, identity.Detail}},
	}
}

// running returns a verifier whose keys are looked for until the test ends.
func running(t testing.TB, c identity.Config) *identity.Verifier {
	t.Helper()
	v, err := identity.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); v.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return v
}

func mint(t testing.TB, i *issuer.Issuer, c issuer.Claims) string {
	t.Helper()
	raw, err := i.Mint(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func with(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// reasonOf is why a header is refused, empty when it is accepted.
func reasonOf(t testing.TB, v *identity.Verifier, h http.Header) identity.Reason {
	t.Helper()
	c, err := v.Verify(t.Context(), h)
	if err == nil {
		if c.Subject == "" || len(c.Roles) == 0 {
			t.Errorf("accepted without a name or a role: %+v", c)
		}
		return ""
	}
	if c.Subject != "" || len(c.Roles) != 0 {
		t.Errorf("refused, and yet %+v", c)
	}
	var refusal *identity.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("not a refusal: %v", err)
	}
	return refusal.Reason
}

func good(i *issuer.Issuer) issuer.Claims { return i.Of(pusher, audience, time.Now()) }
