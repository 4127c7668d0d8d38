package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestChildrenEndWithWhatTheyStarted: a process that a child has started and not waited for ends with it.
func TestChildrenEndWithWhatTheyStarted(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc")
	}
	c := &children{logs: t.TempDir()}
	var grandchild string
	p, err := c.start("parent", []string{"SAID=yes"}, &grandchild, "/bin/sh", "-c", `sleep 600 & echo $!; echo "$SAID" >&2; wait`)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(grandchild)
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(c.logs, "parent.log")
	err = p.until(t.Context(), func(context.Context) bool {
		said, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(said), "yes")
	})
	if err != nil {
		t.Fatal(err)
	}
	c.stop()
	for deadline := time.Now().Add(10 * time.Second); lives(grandchild); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the grandchild lives")
		}
	}
}

// lives says whether a process runs; one that nobody has waited for yet does not.
func lives(pid string) bool {
	state, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(state), ") Z ")
}

// TestAChildThatEndsIsNotWaitedFor until patience is over.
func TestAChildThatEndsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c := &children{logs: t.TempDir()}
	defer c.stop()
	p, err := c.start("broken", nil, nil, "/bin/sh", "-c", "exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.until(t.Context(), func(context.Context) bool { return false }); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Error(err)
	}
	var line string
	if _, err := c.start("silent", nil, &line, "/bin/true"); err == nil {
		t.Error("a process that says nothing has announced itself")
	}
	c.patience = 50 * time.Millisecond
	if _, err := c.start("mute", nil, &line, "/bin/sleep", "600"); err == nil {
		t.Error("a process that says nothing is waited for")
	}
}
