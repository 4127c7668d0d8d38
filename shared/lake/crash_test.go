package lake_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

var errDead = errors.New("the process is dead")

// killed is a store whose user dies at its k-th operation, before or after it takes effect.
func killed(objects lake.Objects, k int, after bool) (store *under, operations func() int) {
	var mu sync.Mutex
	n := 0
	return &under{objects, func(_, _ string, do func() error) error {
		mu.Lock()
		defer mu.Unlock()
		n++
		switch {
		case n < k:
			return do()
		case n == k && after:
			_ = do()
		}
		return errDead
	}}, func() int { return n }
}

// TestKillAtEveryStep has an exporter die before and after each of its operations, and another go on. Nothing is lost or
// doubled, and the table can be read in between.
func TestKillAtEveryStep(t *testing.T) {
	t.Parallel()
	kills := 0
	for _, after := range []bool{false, true} {
		for k := 1; ; k++ {
			objects := newMemory()
			store, _ := killed(objects, k, after)
			if _, err := export(t.Context(), store); err == nil {
				break // it was done before its k-th operation
			} else if !errors.Is(err, errDead) {
				t.Fatalf("kill %d: %v", k, err)
			}
			kills++
			if ids := readIDs(t, objects); len(ids)%rowsPerSlice != 0 {
				t.Fatalf("kill %d (after: %t): half a slice is in the table: %v", k, after, ids)
			}
			if _, err := export(t.Context(), objects); err != nil {
				t.Fatalf("kill %d (after: %t): the next exporter: %v", k, after, err)
			}
			wantWhole(t, objects, fmt.Sprintf("kill %d (after: %t)", k, after))
		}
	}
	if kills < 200 {
		t.Errorf("%d kills, want at least 200", kills)
	}
	t.Logf("%d kills, nothing lost or doubled", kills)
}

// TestKillTwice has the exporter that goes on die as well.
func TestKillTwice(t *testing.T) {
	t.Parallel()
	for k := 5; k < 100; k += 19 {
		for j := 3; j < 60; j += 13 {
			objects := newMemory()
			first, _ := killed(objects, k, true)
			_, _ = export(t.Context(), first)
			second, _ := killed(objects, j, k%2 == 0)
			_, _ = export(t.Context(), second)
			if _, err := export(t.Context(), objects); err != nil {
				t.Fatalf("kills %d, %d: %v", k, j, err)
			}
			wantWhole(t, objects, fmt.Sprintf("kills %d, %d", k, j))
		}
	}
}

// TestLostReplies has each operation in turn take effect and be answered with an error, and each write be answered as if it
// had found its own work: the client that tries again is refused by its own success.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]func(op string) error{
		"error": func(string) error { return errors.New("connection reset") },
		"conflict with itself": func(op string) error {
			if op == "create" || op == "close" {
				return fmt.Errorf("412: %w", lake.ErrExists)
			}
			return nil
		},
	} {
		for k := 1; ; k++ {
			objects := newMemory()
			n := 0
			store := &under{objects, func(op, _ string, do func() error) error {
				n++
				if err := do(); err != nil || n != k {
					return err
				}
				return reply(op)
			}}
			commits, err := export(t.Context(), store)
			if n < k {
				break
			}
			if err != nil && name == "conflict with itself" {
				t.Fatalf("%s at %d: %v", name, k, err)
			}
			more, err := export(t.Context(), objects)
			if err != nil {
				t.Fatalf("%s at %d: %v", name, k, err)
			}
			if commits+more > sliceCount {
				t.Fatalf("%s at %d: %d commits were told for %d slices", name, k, commits+more, sliceCount)
			}
			wantWhole(t, objects, fmt.Sprintf("%s at %d", name, k))
		}
	}
}

// TestOwnSuccessIsNoConflict: the entry is ours, so the commit is ours, whatever the reply said.
func TestOwnSuccessIsNoConflict(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]error{"412": lake.ErrExists, "cut": errors.New("connection reset"), "503": errors.New("503")} {
		objects := newMemory()
		store := &under{objects, func(op, name string, do func() error) error {
			err := do()
			if op == "create" && name == lake.EntryName(1) {
				return reply
			}
			return err
		}}
		table, err := openSmall(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		files, err := writeSlice(t.Context(), table, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		result, err := table.Commit(t.Context(), files, lake.Txn{AppID: app, Version: 1})
		if err != nil || result != (lake.Result{Version: 1}) {
			t.Errorf("%s: %+v, %v; want version 1, not already", name, result, err)
		}
		if _, version, err := table.Files(t.Context()); version != 1 || err != nil {
			t.Errorf("%s: version %d, want 1: committed twice (%v)", name, version, err)
		}
	}
}

// leaving is a store whose caller gives up as an entry is written. What it reads after that it reads for itself.
type leaving struct {
	*memory
	leave context.CancelFunc
}

func (l leaving) Create(ctx context.Context, name string, data []byte) error {
	err := l.memory.Create(ctx, name, data)
	if name == lake.EntryName(1) {
		l.leave()
		return errors.Join(err, context.Canceled)
	}
	return err
}

func (l leaving) Read(ctx context.Context, name string, off, n int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.memory.Read(ctx, name, off, n)
}

// TestCallerWhoGivesUpIsToldOfItsCommit: what was written is no failure because the caller's time is over.
func TestCallerWhoGivesUpIsToldOfItsCommit(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	table, err := openSmall(ctx, leaving{newMemory(), leave})
	if err != nil {
		t.Fatal(err)
	}
	files, err := writeSlice(ctx, table, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := table.Commit(ctx, files, lake.Txn{AppID: app, Version: 1}); err != nil || result != (lake.Result{Version: 1}) {
		t.Errorf("%+v, %v; want version 1", result, err)
	}
}

// TestUnknownOutcomeIsSaid: the reply of the commit is lost and nothing can be asked. It may have taken effect, so it is
// no failure, and the next exporter finds out.
func TestUnknownOutcomeIsSaid(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	away := false
	store := &under{objects, func(op, name string, do func() error) error {
		if away {
			return errors.New("503")
		}
		err := do()
		if away = op == "create" && name == lake.EntryName(1); away {
			return errors.New("cut")
		}
		return err
	}}
	if _, err := export(t.Context(), store); !errors.Is(err, lake.ErrUncertain) {
		t.Fatalf("%v, want ErrUncertain", err)
	}
	if _, err := export(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, objects, "after an unknown outcome")
}
