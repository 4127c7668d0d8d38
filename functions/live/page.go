package live

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
)

//go:embed assets
var assets embed.FS

// Path is where the page is mounted.
const Path = "/live/"

// mostReaders bounds the streams at once. The port of operators has 32 connections, and probes and scrapers need theirs.
const mostReaders = 12

// policyOfContent lets the page load its own files and nothing else, from anywhere else or written into it.
const policyOfContent = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Around is what the page shows of the process around a feed.
type Around struct {
	Conditions []lifecycle.Condition // those of readiness: what fails is told in words
	Pipeline   func() []Step         // what came of the decisions further on; nil where the process does not know
	Replays    bool                  // replays raise alerts and count as money: a demo has no live payments
}

// page serves one feed.
type page struct {
	feed   *Feed
	around Around
	words  words
	html   *template.Template
	epoch  string // of this process's numbers
	places chan struct{}

	mu       sync.Mutex
	frame    frame
	framedAt time.Time
}

// words are the page's texts by language.
type words map[string]map[string]string

// frame is what all readers get once a second.
type frame struct {
	number uint64
	state  []byte
	alerts []byte
	queue  uint64 // version of alerts
}

// Handler serves the page under Path: its files, and the stream of what it shows. It refuses what no page of its own asks.
func (f *Feed) Handler(around Around) (http.Handler, error) {
	p := &page{
		feed: f, around: around, places: make(chan struct{}, mostReaders),
		epoch: strconv.FormatInt(f.clock().UnixNano(), 36),
	}
	raw, err := assets.ReadFile("assets/words.json")
	if err != nil {
		return nil, fmt.Errorf("live: %w", err)
	}
	if err := json.Unmarshal(raw, &p.words); err != nil {
		return nil, fmt.Errorf("live: words: %w", err)
	}
	if p.html, err = template.ParseFS(assets, "assets/page.html"); err != nil {
		return nil, fmt.Errorf("live: page: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path+"{$}", p.show)
	mux.HandleFunc("GET "+Path+"events", p.stream)
	for name, media := range map[string]string{
		"app.js": "text/javascript; charset=utf-8", "style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		mux.Handle("GET "+Path+name, asset(name, media))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replays = around.Replays
	return guarded(mux), nil
}

// guarded sets the headers that keep other sites out.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policyOfContent)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !ownName(r.Host) {
			problem.WriteStatus(w, http.StatusForbidden, "forbidden", "Ask for the page by localhost, an address, or a name without a dot.")
			return
		}
		// Another page that an operator has open, of another site or port, must not take the places of the readers.
		if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			problem.WriteStatus(w, http.StatusForbidden, "forbidden", "Another site asked for this.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownName reports whether a site of the internet cannot have the name by which it is asked. A site that points its own name at
// this port would be of the same origin as the page, and could read it.
func ownName(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	_, err := netip.ParseAddr(name)
	return err == nil || !strings.Contains(name, ".")
}

func asset(name, media string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, err := assets.ReadFile("assets/" + name)
		if err != nil {
			problem.WriteStatus(w, http.StatusNotFound, "not_found", "There is no such file.")
			return
		}
		w.Header().Set("Content-Type", media)
		_, _ = w.Write(body) // the reader has gone
	})
}

// show serves the page in the language that the browser asks for; the page can change it.
func (p *page) show(w http.ResponseWriter, r *http.Request) {
	language := languageOf(r)
	var b bytes.Buffer
	err := p.html.Execute(&b, map[string]any{"Lang": language, "Words": p.words, "T": p.words[language]})
	if err != nil {
		problem.WriteStatus(w, http.StatusInternalServerError, "unexpected", "The page could not be made.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", language)
	w.Header().Set("Vary", "Accept-Language")
	_, _ = w.Write(b.Bytes()) // the reader has gone
}

// Languages of the page.
const (
	portuguese = "pt"
	english    = "en"
)

// languageOf is the first of our languages that the request names, by lang or in Accept-Language, which browsers write in
// the order in which people want them. Who names neither reads Portuguese: these are Brazil's payments.
func languageOf(r *http.Request) string {
	asked := r.URL.Query().Get("lang") + "," + r.Header.Get("Accept-Language")
	for tag := range strings.SplitSeq(asked, ",") {
		switch primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-"); {
		case strings.HasPrefix(primary, portuguese):
			return portuguese
		case strings.HasPrefix(primary, english):
			return english
		}
	}
	return portuguese
}

// current makes a frame at most once a second, for all who read.
func (p *page) current() frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.feed.clock()
	if p.frame.number > 0 && now.Sub(p.framedAt) < time.Second-beat/2 {
		return p.frame
	}
	s := p.feed.numbers(now)
	s.Faults = append(failing(p.around.Conditions), s.Faults...)
	if p.around.Pipeline != nil {
		s.Pipeline = p.around.Pipeline()
	}
	top, version := p.feed.queue()
	p.framedAt = now
	p.frame.number++
	p.frame.state = encode(s)
	if version != p.frame.queue || p.frame.alerts == nil {
		p.frame.queue, p.frame.alerts = version, encode(top)
	}
	return p.frame
}

// encode writes what cannot fail: numbers that are finite, texts, and bodies that were encoded before.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return body
}
