package modelstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// onDisk is a model store in a directory, whose payer has versions 1 and 2.
func onDisk(t *testing.T) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		at := filepath.Join(dir, "payer", version)
		if err := errors.Join(os.MkdirAll(at, 0o700), os.WriteFile(filepath.Join(at, "model.txt"), []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := OpenWritable(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, filepath.Join(dir, "payer")
}

// in30 does something that must not wait.
func in30(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("not after 30 s: %s", what)
	}
}

// TestOnlyRegularFilesAreRead: a pipe would keep its reader waiting for a writer, a device for ever. Links are followed:
// that is how Kubernetes mounts files.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(at string) error{
		"pipe":      func(at string) error { return syscall.Mkfifo(at, 0o600) },
		"device":    func(at string) error { return os.Symlink("/dev/zero", at) },
		"directory": func(at string) error { return os.Mkdir(at, 0o700) },
	} {
		for _, file := range []string{"current", "challengers", "2/model.txt"} {
			s, dir := onDisk(t)
			at := filepath.Join(dir, file)
			if err := errors.Join(os.RemoveAll(at), put(at)); err != nil {
				t.Fatal(err)
			}
			in30(t, name+" as "+file, func() {
				var err error
				switch file {
				case "current":
					_, err = s.Current(context.Background(), pix.PayerRole)
				case "challengers":
					_, err = s.Challengers(context.Background(), pix.PayerRole)
				default:
					_, err = s.LoadVersion(context.Background(), pix.PayerRole, "2")
				}
				if pix.KindOf(err) != pix.Unavailable || !errors.Is(err, errNotRegular) {
					t.Errorf("%s as %s gave %v", name, file, err)
				}
			})
		}
	}
	s, dir := onDisk(t)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "target"), []byte("1\n"), 0o600),
		os.Symlink("target", filepath.Join(dir, "current"))); err != nil {
		t.Fatal(err)
	}
	if got := inForce(t, s); got != "1" {
		t.Errorf("through a link %q is in force", got)
	}
}

// TestLock: who is at work is told of; who died is in nobody's way, nor is what was left by an older release's lock.
func TestLock(t *testing.T) {
	t.Parallel()
	s, dir := onDisk(t)
	lock, err := os.Create(filepath.Join(dir, "current.lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Promote(t.Context(), pix.PayerRole, "1"); pix.KindOf(err) != pix.Unavailable || !strings.Contains(err.Error(), "current.lock") {
		t.Errorf("beside a writer at work: %v", err)
	}
	if err := errors.Join(lock.Close(), syscall.Mkfifo(filepath.Join(dir, "current.new"), 0o600)); err != nil { // it died
		t.Fatal(err)
	}
	in30(t, "a writer after one that died", func() {
		if _, err := s.Promote(context.Background(), pix.PayerRole, "1"); err != nil {
			t.Errorf("after a writer that died: %v", err)
		}
	})
	if got := inForce(t, s); got != "1 2" {
		t.Errorf("%q is in force", got)
	}
}

// TestPointerIsForEverybody: a scorer runs as another user than whoever promotes.
func TestPointerIsForEverybody(t *testing.T) {
	t.Parallel()
	s, dir := onDisk(t)
	if err := os.WriteFile(filepath.Join(dir, "current"), []byte("2\n"), 0o600); err != nil { // of an older release
		t.Fatal(err)
	}
	if _, err := s.Promote(t.Context(), pix.PayerRole, "1"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetChallengers(t.Context(), pix.PayerRole, []string{"2"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"current", "challengers"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
}
