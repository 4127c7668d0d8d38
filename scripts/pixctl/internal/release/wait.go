package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	askEvery   = time.Second
	askTimeout = 5 * time.Second
	maxAnswer  = 64 << 10
)

// waiting is which scorers must serve what was put in force, and for how long they are waited for.
type waiting struct {
	urls    []string // of /readyz
	timeout time.Duration
	log     io.Writer
}

// until waits until every scorer serves a model, named as in "payer/5". What each serves is told whenever it changes.
func (w waiting) until(ctx context.Context, model string) error {
	limited, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	said := map[string]string{}
	for {
		var behind []string
		for _, url := range w.urls {
			serves, detail := ask(limited, url)
			if detail != said[url] && limited.Err() == nil {
				said[url] = detail
				fmt.Fprintf(w.log, "%s: %s\n", url, detail)
			}
			if !slices.Contains(serves, model) {
				behind = append(behind, url+" ("+said[url]+")")
			}
		}
		if len(behind) == 0 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("%s is in force, but was not waited for to the end: %w", model, ctx.Err())
			}
			return fmt.Errorf("%s is in force, but after %s it is not served by %s", model, w.timeout, strings.Join(behind, "; "))
		}
	}
}

// ask reads a scorer's readiness: the models that it serves, and what to tell a person.
func ask(ctx context.Context, url string) (serves []string, detail string) {
	body, err := get(ctx, url)
	var answer struct {
		Conditions []struct {
			Name   string `json:"name"`
			OK     bool   `json:"ok"`
			Detail string `json:"detail"`
		} `json:"conditions"`
	}
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		return nil, "no readiness: " + clipped(err.Error())
	}
	detail = "it does not say what it serves"
	var trouble string
	for _, c := range answer.Conditions {
		switch {
		case c.Name == "models" && c.OK:
			serves, detail = strings.Fields(c.Detail), "serves "+c.Detail
		case strings.HasPrefix(c.Name, "models") && !c.OK:
			trouble += "; " + c.Detail
		}
	}
	return serves, clipped(detail + trouble)
}

func clipped(s string) string {
	const most = 300
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// get returns the body whatever the status: a scorer that is not ready says so in it too.
func get(ctx context.Context, url string) (_ []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return body, nil
}
