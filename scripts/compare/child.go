package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	patience = time.Minute      // until a process must serve
	grace    = 5 * time.Second  // that a process has to end by itself
	longest  = 20 * time.Minute // that a command may take which ends by itself
)

// child is a process that this run started. It has a process group of its own: an interrupt at the terminal reaches this
// program alone, which then ends its children in their order.
type child struct {
	name string
	cmd  *exec.Cmd
	in   io.Closer     // its standard input
	done chan struct{} // closed when it has ended
}

// children are the processes of a run, in the order of their start.
type children struct {
	logs     string        // directory of what they print
	patience time.Duration // until one must announce itself; 0 is the default
	all      []*child
}

// start runs a command with an environment of its own: a setting of whoever calls this program would be another than the
// default. What it prints goes to a file of its name; announced,
// if it is not nil, gets its first line.
func (c *children) start(name string, env []string, announced *string, command ...string) (*child, error) {
	log, err := os.Create(filepath.Join(c.logs, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &child{name: name, done: make(chan struct{})}
	p.cmd = exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // the programs are this run's own; stop ends them in order
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(surroundings(), env...), log, log
	p.cmd.WaitDelay = grace // what it started may hold its pipes
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	said := &firstLine{log: log, line: make(chan string, 1)}
	if announced != nil {
		p.cmd.Stdout = said
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	c.all = append(c.all, p)
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		_ = log.Close()
		close(p.done)
	}()
	if announced == nil {
		return p, nil
	}
	select {
	case *announced = <-said.line:
		return p, nil
	case <-p.done:
	case <-time.After(cmp.Or(c.patience, patience)):
	}
	select {
	case *announced = <-said.line: // it ended at once, and said it
		return p, nil
	default:
		return nil, fmt.Errorf("start %s: it does not say where it listens", name)
	}
}

// firstLine writes to a log, and gives the first line to whoever waits for it.
type firstLine struct {
	log  io.Writer
	line chan string
	had  []byte
	told bool
}

// Write takes what a process prints; exec calls it from one goroutine.
func (f *firstLine) Write(p []byte) (int, error) {
	if !f.told {
		f.had = append(f.had, p...)
		if line, _, whole := bytes.Cut(f.had, []byte("\n")); whole {
			f.line <- strings.TrimSpace(string(line))
			f.had, f.told = nil, true
		}
	}
	return f.log.Write(p) //nolint:wrapcheck // a writer's own error
}

// surroundings is what of this program's environment its children get.
func surroundings() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return !slices.Contains([]string{"PATH", "HOME", "TMPDIR"}, name)
	})
}

// stop ends all of them, the last first, and waits for each.
func (c *children) stop() {
	for _, p := range slices.Backward(c.all) {
		p.stop()
	}
	c.all = nil
}

// stop asks the process and everything that it started to end, and makes them after a while.
func (p *child) stop() {
	group := -p.cmd.Process.Pid
	_ = p.in.Close()
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // what it started may have outlived it
	select {
	case <-p.done:
	case <-time.After(grace):
	}
}

// until waits until ok while the process lives.
func (p *child) until(ctx context.Context, ok func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok(ctx) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended; its log says why", p.name)
		case <-ctx.Done():
			return fmt.Errorf("wait until %s serves: %w", p.name, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// listens says whether somebody takes connections at an address.
func listens(address string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}
}

// freeAddress is one on loopback at which nobody listens.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	return address, nil
}

// finish runs a command to its end and returns what it printed with the error.
func finish(ctx context.Context, command ...string) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the commands are this run's own
	cmd.WaitDelay = grace
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", strings.Join(command[:min(3, len(command))], " "), err), errors.New(strings.TrimSpace(string(out))))
	}
	return nil
}
