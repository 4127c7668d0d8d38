package upgrade_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
)

// patience is how long something may take that must happen; only a failing test waits it out.
const patience = 150 * time.Second

// await polls until the condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if t.Failed() || time.Now().After(end) {
			t.Fatalf("%s did not come about within %s", what, patience)
		}
	}
}

// process is one running binary of one version.
type process struct {
	part, version string
	url           string // where it takes pushes and payments; of the bridge its probes
	ready         string // the probe that says whether it serves; empty where it has none
	command       *exec.Cmd
	log           string
	wrong         bool          // it is there to be refused
	gone          chan struct{} // closed once it has ended
}

// start runs a part of a version with the variables of a deployment, and returns once it serves.
func (s *system) start(v *version, part string, more ...string) *process {
	s.t.Helper()
	p := s.launch(v, part, more...)
	await(s.t, p.String()+" serves", func() bool {
		select {
		case <-p.gone:
			s.t.Fatalf("%s ended: %s", p, p.tail())
		default:
		}
		return p.serves()
	})
	return p
}

// launch starts the process without waiting for it.
func (s *system) launch(v *version, part string, more ...string) *process {
	s.t.Helper()
	public, admin := port.Free(s.t), port.Free(s.t)
	p := &process{part: part, version: v.name, url: "http://" + public, ready: "http://" + admin + "/readyz", gone: make(chan struct{})}
	binary := part
	variables := []string{"LISTEN_ADDR=" + public, "ADMIN_ADDR=" + admin}
	switch part {
	case "bridge":
		p.ready = p.url + "/readyz"
	case "scorer":
	default:
		binary = "functions"
		_, port, _ := net.SplitHostPort(public)
		variables = append(variables, "FUNCTION_TARGET="+part, "PORT="+port)
		if v.framework {
			p.ready = ""
		}
	}
	p.command = exec.CommandContext(context.WithoutCancel(s.t.Context()), filepath.Join(v.bin, binary))
	p.command.Env = slices.Concat([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.t.TempDir()}, s.variables, variables, more)
	s.count++
	p.log = filepath.Join(s.dir, fmt.Sprintf("%02d-%s-%s.log", s.count, part, v.name))
	log, err := os.Create(p.log)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = p.command.Wait(); close(p.gone) }()
	s.t.Cleanup(func() { _ = p.command.Process.Kill(); <-p.gone })
	s.processes = append(s.processes, p)
	return p
}

func (p *process) String() string { return p.part + " " + p.version }

func (p *process) serves() bool {
	if p.ready == "" {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	response, err := http.Get(p.ready)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// terminate asks the process to stop and waits until it has. One with a graceful stop ends well.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	_ = p.command.Process.Signal(syscall.SIGTERM)
	await(t, p.String()+" ends", func() bool {
		select {
		case <-p.gone:
			return true
		default:
			return false
		}
	})
	if code := p.command.ProcessState.ExitCode(); code != 0 && p.ready != "" {
		t.Errorf("%s ended with %d: %s", p, code, p.tail())
	}
}

// kill ends the process as a machine that is lost does.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.gone
}

// tail is the end of what the process wrote.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// complaint is a line of a log that says that something went wrong.
type complaint struct {
	Severity, Message, Part, Error string
}

// complaints are the lines of warnings and errors.
func (p *process) complaints(t *testing.T) (list []complaint) {
	t.Helper()
	file, err := os.Open(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c complaint
		if json.Unmarshal(lines.Bytes(), &c) == nil && c.Severity != "INFO" {
			list = append(list, c)
		}
	}
	return list
}
