package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"
)

const (
	inFlight  = 256 // calls under way at most, the most decisions that a scorer makes at once by default
	maxAnswer = 1 << 20
	timeout   = 10 * time.Second
)

// service is one of those that are compared.
type service struct {
	name    string
	url     string // of its payments
	header  http.Header
	process *child
	admin   string // where a scorer serves its metrics; empty of others
	client  *http.Client
	stands  func(answer []byte) bool                     // whether an answer decides
	before  func(ctx context.Context, p []payment) error // what it needs of payments before they come; nil is nothing
}

func newClient() *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{
		MaxConnsPerHost: inFlight, MaxIdleConnsPerHost: inFlight, MaxIdleConns: inFlight, DisableCompression: true,
	}}
}

// ask sends a payment and returns the answer, or in one word why there is none.
func (s *service) ask(ctx context.Context, p payment) (answer []byte, failure string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(p.body))
	if err != nil {
		return nil, "request"
	}
	request.Header = s.header
	response, err := s.client.Do(request)
	if err != nil {
		return nil, "unreachable"
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, "cut"
	case response.StatusCode != http.StatusOK:
		return nil, "status_" + strconv.Itoa(response.StatusCode)
	case !s.stands(answer):
		return answer, "undecided"
	default:
		return answer, ""
	}
}

// used is what its own processes have had so far.
func (s *service) used() (usage, error) { return used(os.DirFS("/proc"), s.process.cmd.Process.Pid) }

// allocated is how many bytes a scorer's process has allocated so far.
func (s *service) allocated(ctx context.Context) (float64, error) {
	return s.metric(ctx, `go_memstats_alloc_bytes_total`)
}

// metric adds up the samples of a scorer's metric whose name and labels match.
func (s *service) metric(ctx context.Context, pattern string) (float64, error) {
	text, err := get(ctx, s.admin+"/metrics")
	if err != nil {
		return 0, fmt.Errorf("read metrics of %s: %w", s.name, err)
	}
	return sum(text, pattern)
}

// sum adds up the samples of an exposition whose name and labels match.
func sum(text []byte, pattern string) (float64, error) {
	samples := regexp.MustCompile(`(?m)^`+pattern+` (\S+)$`).FindAllSubmatch(text, -1)
	if samples == nil {
		return 0, fmt.Errorf("there is no metric %s", pattern)
	}
	total := 0.0
	for _, m := range samples {
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return 0, fmt.Errorf("read metric: %w", err)
		}
		total += v
	}
	return total, nil
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	response, err := (&http.Client{Timeout: timeout}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get: status %d", response.StatusCode)
	}
	return body, nil
}

// serves says whether a service says that it is ready.
func serves(url string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		_, err := get(ctx, url)
		return err == nil
	}
}
