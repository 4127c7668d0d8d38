package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// period is in which a quota holds: short, so that a process does not stand still for longer than a decision may take.
const period = 10 * time.Millisecond

// inside is the shell that joins a cgroup and becomes a program.
const inside = `echo $$ >"$0/cgroup.procs" && exec "$1"`

// quota makes a cgroup under root that gives its processes a share of one processor, of version 2 or 1, and returns its directory,
// which the caller removes. The error is errMissing where none can be made.
func quota(root, name string, share float64) (string, error) {
	micros := strconv.FormatInt(int64(share*float64(period.Microseconds())), 10)
	every := strconv.FormatInt(period.Microseconds(), 10)
	first := map[string]string{"cpu.cfs_period_us": every, "cpu.cfs_quota_us": micros}
	parent := filepath.Join(root, "cpu")
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		parent, first = root, map[string]string{"cpu.max": micros + " " + every}
		_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+cpu"), 0o600) // else the next write says so
	}
	dir := filepath.Join(parent, fmt.Sprintf("sentinela-compare-%d-%s", os.Getpid(), name))
	if err := os.Mkdir(dir, 0o750); err != nil {
		return "", fmt.Errorf("%w: no cgroup can be made here: %w", errMissing, err)
	}
	for file, text := range first {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			_ = os.Remove(dir)
			return "", fmt.Errorf("%w: no quota of processor can be set here: %w", errMissing, err)
		}
	}
	return dir, nil
}
