package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// featuresEach is how many of the 80 features are the payer's, and how many the payee's.
const featuresEach = 40

// requirements pin the Python environment.
const requirements = "scripts/compare/requirements.txt"

// errMissing is what this machine does not have: what needs it is skipped with a line.
var errMissing = errors.New("skipped")

// rival is the other service's surroundings: Redis, a Python environment and a model.
type rival struct {
	children *children
	redis    string // address
	python   string
	model    string
}

// openRival makes the environment and the model under a directory unless they are there, and starts Redis. The error is errMissing
// where a tool cannot be had.
func openRival(ctx context.Context, c *children, dir string) (*rival, error) {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w: there is no redis-server on PATH (Debian has it in a package of this name)", errMissing)
	}
	r := &rival{children: c, python: filepath.Join(dir, "venv-compare", "bin", "python")}
	if err := r.install(ctx, filepath.Join(dir, "venv-compare")); err != nil {
		return nil, err
	}
	if err := r.train(ctx, filepath.Join(dir, "comparison")); err != nil {
		return nil, err
	}
	if r.redis, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(r.redis, ":")
	p, err := c.start("redis", nil, nil, server, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", c.logs)
	if err != nil {
		return nil, err
	}
	return r, p.until(ctx, listens(r.redis))
}

// theirs is where a file of the other service is, from the module's root.
func theirs(name string) string { return filepath.Join("scripts", "compare", "theirs", name) }

// install makes the Python environment unless one of these requirements is there.
func (r *rival) install(ctx context.Context, venv string) error {
	want, err := os.ReadFile(requirements)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	ready := filepath.Join(venv, ".ready")
	if have, err := os.ReadFile(ready); err == nil && bytes.Equal(have, want) {
		return nil
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", venv},
		{r.python, "-m", "pip", "install", "--quiet", "--retries", "1", "--only-binary=:all:", "--require-hashes", "-r", requirements},
	} {
		if err := finish(ctx, command...); err != nil {
			return fmt.Errorf("install %s: %w", requirements, lacking(err))
		}
	}
	if err := os.WriteFile(ready, want, 0o600); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	return nil
}

// lacking is errMissing, in one line, where a failed installation's words tell of a package, a tool or a network that is not there.
// Anything else, as a package that is not the pinned one, stays an error.
func lacking(err error) error {
	said := strings.Split(err.Error(), "\n")
	text := strings.ToLower(err.Error())
	if strings.Contains(text, "do not match the hashes") {
		return err
	}
	absent := []string{
		"no matching distribution", "executable file not found", "ensurepip is not", "no module named", "connection", "timed out",
		"name resolution", "network is unreachable",
	}
	for _, words := range absent {
		if strings.Contains(text, words) {
			return fmt.Errorf("%w: %s", errMissing, said[len(said)-1])
		}
	}
	return err
}

// train makes the model unless one of this script and these requirements is there.
func (r *rival) train(ctx context.Context, dir string) error {
	hash := sha256.New()
	for _, file := range []string{theirs("train.py"), requirements} {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("train the other service's model: %w", err)
		}
		_, _ = hash.Write(text) // never fails
	}
	r.model = filepath.Join(dir, fmt.Sprintf("theirs-%x.txt", hash.Sum(nil)[:8]))
	if _, err := os.Stat(r.model); err == nil {
		return nil
	}
	whole := r.model + ".new" // renamed when it is whole
	err := finish(ctx, r.python, theirs("train.py"), whole)
	if err == nil {
		err = os.Rename(whole, r.model)
	}
	if err != nil {
		return fmt.Errorf("train the other service's model: %w", err)
	}
	return nil
}

// service starts one with so many workers.
func (r *rival) service(ctx context.Context, name string, workers int) (*service, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	host, port, _ := strings.Cut(address, ":")
	_, redis, _ := strings.Cut(r.redis, ":")
	p, err := r.children.start(name, []string{"REDIS_PORT=" + redis, "MODEL=" + r.model}, nil,
		r.python, "-m", "uvicorn", "app:app", "--app-dir", filepath.Dir(theirs("app.py")), "--host", host, "--port", port,
		"--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--workers", strconv.Itoa(workers))
	if err != nil {
		return nil, err
	}
	s := &service{
		name: name, url: "http://" + address + "/v1/decisions", header: http.Header{"Content-Type": {"application/json"}}, process: p, client: newClient(),
		stands: func(answer []byte) bool { return bytes.Contains(answer, []byte(`"score":`)) },
		before: r.fill,
	}
	return s, p.until(ctx, serves("http://"+address+"/readyz"))
}

// fill puts the features of the parties of payments into Redis, as a pipeline beside the service would.
func (r *rival) fill(ctx context.Context, payments []payment) error {
	keys := map[string]bool{}
	for _, p := range payments {
		both, err := p.keys()
		if err != nil {
			return err
		}
		keys[both[0]], keys[both[1]] = true, true
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.redis)
	if err != nil {
		return fmt.Errorf("fill Redis: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("fill Redis: %w", err)
	}
	replies := make(chan error, 1)
	go func() { replies <- accepted(bufio.NewReader(conn), len(keys)) }()
	w := bufio.NewWriter(conn)
	for key := range keys {
		words := []string{"HSET", key}
		for i, v := range features(key) {
			words = append(words, fmt.Sprintf("feature_%d", i), strconv.FormatFloat(v, 'f', 4, 64))
		}
		command(w, words...)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("fill Redis: %w", err)
	}
	return <-replies
}

// command writes one of Redis's.
func command(w io.Writer, words ...string) {
	fmt.Fprintf(w, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(w, "$%d\r\n%s\r\n", len(word), word)
	}
}

// accepted reads that so many commands were taken.
func accepted(r *bufio.Reader, n int) error {
	for range n {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("fill Redis: %w", err)
		}
		if strings.HasPrefix(line, "-") {
			return errors.New("fill Redis: it refuses a value")
		}
	}
	return nil
}

// features makes up those of a party, always the same.
func features(key string) (out [featuresEach]float64) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))                    // never fails
	dice := rand.New(rand.NewPCG(seed, h.Sum64())) //nolint:gosec // no secret
	for i := range out {
		out[i] = dice.NormFloat64()
	}
	return out
}
