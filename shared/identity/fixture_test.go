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

func newIssuer(tb testing.TB) *issuer.Issuer {
	tb.Helper()
	i, err := issuer.Start()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(i.Close)
	return i
}

func configOf(i *issuer.Issuer) identity.Config {
	return identity.Config{
		Issuer: i.URL(), Audience: audience, Transport: new(http.Transport),
		Callers: map[string][]identity.Role{pusher: {identity.Push}, desk: {identity.Decide, identity.Detail}},
	}
}

// running returns a verifier whose keys are looked for until the test ends.
func running(tb testing.TB, c identity.Config) *identity.Verifier {
	tb.Helper()
	v, err := identity.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan struct{})
	go func() { defer close(done); v.Run(ctx) }()
	tb.Cleanup(func() { cancel(); <-done })
	return v
}

func mint(tb testing.TB, i *issuer.Issuer, c issuer.Claims) string {
	tb.Helper()
	raw, err := i.Mint(c)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func with(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// reasonOf is why a header is refused, empty when it is accepted.
func reasonOf(tb testing.TB, v *identity.Verifier, h http.Header) identity.Reason {
	tb.Helper()
	c, err := v.Verify(tb.Context(), h)
	if err == nil {
		if c.Subject == "" || len(c.Roles) == 0 {
			tb.Errorf("accepted without a name or a role: %+v", c)
		}
		return ""
	}
	if c.Subject != "" || len(c.Roles) != 0 {
		tb.Errorf("refused, and yet %+v", c)
	}
	var refusal *identity.Refusal
	if !errors.As(err, &refusal) {
		tb.Fatalf("not a refusal: %v", err)
	}
	return refusal.Reason
}

func good(i *issuer.Issuer) issuer.Claims { return i.Of(pusher, audience, time.Now()) }
