package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"
	htransport "google.golang.org/api/transport/http"
)

// Services of Google that are asked over plain HTTP: what is asked of them is no adapter's business.
const (
	storageSite = "https://storage.googleapis.com"
	secretsSite = "https://secretmanager.googleapis.com"
	projectSite = "https://cloudresourcemanager.googleapis.com"
	accountSite = "https://iam.googleapis.com"
)

// site is the address of a service and a client that may ask it.
type site struct {
	url    string
	client *http.Client
}

// site gives a service's address: an emulator's, a test's, or Google's own with the caller's credentials.
func (m *machine) site(ctx context.Context, google string) (site, error) {
	if at := m.places[google]; at != "" {
		return site{at, http.DefaultClient}, nil
	}
	if host := m.getenv(storageEmulator); host != "" && google == storageSite {
		if !strings.Contains(host, "://") {
			host = "http://" + host
		}
		return site{strings.TrimSuffix(host, "/"), http.DefaultClient}, nil
	}
	if m.denied != nil {
		return site{}, m.denied
	}
	client, _, err := htransport.NewClient(ctx, m.google...)
	if err != nil {
		return site{}, fmt.Errorf("authenticate: %w", err)
	}
	return site{google, client}, nil
}

const longestAnswer = 1 << 20

// get asks for one object of JSON. A refusal is a *googleapi.Error.
func (s site) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	return s.do(request, into)
}

// post sends an object and takes one.
func (s site) post(ctx context.Context, path string, object, into any) error {
	data, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	return s.do(request, into)
}

func (s site) do(request *http.Request, into any) error {
	answer, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := googleapi.CheckResponse(answer); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, longestAnswer)).Decode(into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
