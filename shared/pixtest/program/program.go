// Package program writes files that a test runs afterwards.
package program

import (
	"fmt"
	"os"
	"syscall"
)

// Write writes a program. No process is forked meanwhile: it would hold the file open for writing until its own exec, and
// for so long nobody can run it ("text file busy").
func Write(path string, data []byte, mode os.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, data, mode); err != nil {
		return fmt.Errorf("write program: %w", err)
	}
	return nil
}
