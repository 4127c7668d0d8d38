package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc, the same for every Linux that Go runs on.
const tick = time.Second / 100

// usage is what a process and its descendants have had so far.
type usage struct {
	processor time.Duration // of those that live and of those that ended, user and system
	memory    int64         // bytes resident, each process at its own peak
}

// process is a line of /proc/PID/stat.
type process struct {
	parent int
	ticks  int64 // its own, and of its children that it has waited for
}

// used adds up the tree of processes below pid as it stands under proc, which is /proc.
func used(proc fs.FS, pid int) (usage, error) {
	all, err := processes(proc)
	if err != nil {
		return usage{}, err
	}
	if _, ok := all[pid]; !ok {
		return usage{}, fmt.Errorf("read usage: there is no process %d", pid)
	}
	var u usage
	for id := range all {
		if !below(all, id, pid) {
			continue
		}
		u.processor += time.Duration(all[id].ticks) * tick
		peak, err := peak(proc, id)
		if err != nil {
			return usage{}, err
		}
		u.memory += peak
	}
	return u, nil
}

// below says whether a process is root or descends from it.
func below(all map[int]process, id, root int) bool {
	for range len(all) {
		if id == root {
			return true
		}
		p, ok := all[id]
		if !ok {
			return false
		}
		id = p.parent
	}
	return false
}

func processes(proc fs.FS) (map[int]process, error) {
	entries, err := fs.ReadDir(proc, ".")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	all := map[int]process{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := fs.ReadFile(proc, e.Name()+"/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		if all[pid], err = parseStat(line); err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	return all, nil
}

// parseStat reads a line of /proc/PID/stat, whose second field is a name in parentheses that may hold anything.
func parseStat(line []byte) (process, error) {
	end := bytes.LastIndexByte(line, ')')
	fields := strings.Fields(string(line[end+1:]))
	const parent, user, last = 1, 11, 14 // behind the name: the state is 0; user, system, and both of the children
	if end < 0 || len(fields) <= last {
		return process{}, fmt.Errorf("read stat: %d fields behind the name", len(fields))
	}
	var p process
	var err error
	if p.parent, err = strconv.Atoi(fields[parent]); err != nil {
		return process{}, fmt.Errorf("read stat: %w", err)
	}
	for _, field := range fields[user : last+1] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return process{}, fmt.Errorf("read stat: %w", err)
		}
		p.ticks += n
	}
	return p, nil
}

// peak is the most that a process has had resident, in bytes; none of one that has ended meanwhile.
func peak(proc fs.FS, pid int) (int64, error) {
	status, err := fs.ReadFile(proc, strconv.Itoa(pid)+"/status")
	if err != nil {
		return 0, nil // it has ended
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read VmHWM: %w", err)
			}
			return kib << 10, nil
		}
	}
	return 0, nil
}
