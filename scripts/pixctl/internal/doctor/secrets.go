package doctor

import (
	"context"
	"fmt"
	"net/url"

	"google.golang.org/grpc/codes"
)

const secretsAPI = "secretmanager.googleapis.com"

// secret is one that Terraform makes and people fill.
type secret struct {
	name   string
	needed bool
	unless string // what an empty one means
}

// known are the project's secrets.
func known() []secret {
	return []secret{
		{name: "pix-token-key", needed: true},
		{name: "pix-previous-token-key", unless: "has no enabled version: right unless the key was rotated in the last 31 days"},
		{name: kafkaPassword, unless: "has no enabled version: right unless Kafka asks for one"},
	}
}

const kafkaPassword = "kafka-sasl-password"

// secrets looks at the versions of the secrets, never at what they hold.
func secrets(ctx context.Context, m *machine) []finding {
	if m.project == "" {
		return nil
	}
	if m.allEmulated() {
		return []finding{unknown("secrets", "nothing emulates Secret Manager; the demo has a public key of its own")}
	}
	at, err := m.site(ctx, secretsSite)
	if err != nil {
		return []finding{m.failed("secrets", "", secretsAPI, err)}
	}
	var list []question
	for _, s := range known() {
		list = append(list, question{"secret " + s.name, func(ctx context.Context) []finding { return []finding{m.lookSecret(ctx, at, s)} }})
	}
	return m.ask(ctx, list)
}

func (m *machine) lookSecret(ctx context.Context, at site, s secret) finding {
	check := "secret " + s.name
	var answer struct {
		Versions []struct {
			Name string `json:"name"`
		} `json:"versions"`
	}
	path := fmt.Sprintf("/v1/projects/%s/secrets/%s/versions?filter=%s", m.project, s.name, url.QueryEscape("state:ENABLED"))
	err := at.get(ctx, path, &answer)
	none := err == nil && len(answer.Versions) == 0
	switch {
	case !s.needed && (none || codeOf(err) == codes.NotFound):
		return ok(check, "%s", s.unless)
	case err != nil:
		return m.failed(check, m.terraform(secretsModule), secretsAPI, err)
	case none:
		return missing(check, fmt.Sprintf("openssl rand -base64 32 | gcloud secrets versions add %s --project %s --data-file=-", s.name, m.project),
			"has no enabled version")
	default:
		return ok(check, "has %d enabled versions", len(answer.Versions))
	}
}
