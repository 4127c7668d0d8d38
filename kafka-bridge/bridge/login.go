package bridge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// loginScope is what Google's brokers ask of an access token.
const loginScope = "https://www.googleapis.com/auth/cloud-platform"

// loginTimeout bounds one question for an access token: the metadata server is a hop away.
const loginTimeout = 10 * time.Second

// googleLogin signs in at Managed Service for Apache Kafka as account, a service account's email, with the credentials of the
// place where the process runs. They are looked for at the first login: until then nothing is needed, and where there are none,
// every login says so.
func googleLogin(account string, find func() (oauth2.TokenSource, error)) sasl.Mechanism {
	source := sync.OnceValues(find)
	return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
		tokens, err := source()
		if err != nil {
			return oauth.Auth{}, fmt.Errorf("find credentials for Kafka: %w", err)
		}
		token, err := tokens.Token()
		if err != nil {
			return oauth.Auth{}, fmt.Errorf("get access token for Kafka: %w", err)
		}
		return oauth.Auth{Token: bearer(account, token, time.Now())}, nil
	})
}

// defaultCredentials are the application's default credentials. They outlive every context of a bridge.
func defaultCredentials() (oauth2.TokenSource, error) {
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Timeout: loginTimeout})
	return google.DefaultTokenSource(ctx, loginScope) //nolint:wrapcheck // the caller names the operation
}

// bearer puts an access token into the form of a JWT, which is what the mechanism's clients expect, as Google's own login
// handlers do (github.com/googleapis/managedkafka): the third part is the token, and the broker asks Google whose it is.
func bearer(account string, token *oauth2.Token, now time.Time) string {
	part := base64.RawURLEncoding.EncodeToString
	claims := struct {
		Expires int64  `json:"exp"`
		Issuer  string `json:"iss"`
		Issued  int64  `json:"iat"`
		Scope   string `json:"scope"`
		Subject string `json:"sub"`
	}{token.Expiry.Unix(), "Google", now.Unix(), "kafka", account}
	body, _ := json.Marshal(claims) // of numbers and strings: it cannot fail
	return part([]byte(`{"typ":"JWT","alg":"GOOG_OAUTH2_TOKEN"}`)) + "." + part(body) + "." + part([]byte(token.AccessToken))
}
