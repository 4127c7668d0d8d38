package program_test

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pixtest/program"
)

// TestRunAtOnce runs each program as soon as it is written, while other processes are forked all the time.
func TestRunAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for writer := range 8 {
		all.Go(func() {
			for n := range 25 {
				path := filepath.Join(dir, strconv.Itoa(writer)+"-"+strconv.Itoa(n))
				if err := program.Write(path, []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
					t.Error(err)
				}
				if err := exec.CommandContext(t.Context(), path).Run(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
