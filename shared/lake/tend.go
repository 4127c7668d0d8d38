package lake

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Tended is what Tend did.
type Tended struct {
	Checkpoint bool // one was written
	Log        int  // objects of the log that were removed
	Orphans    int  // data files that no commit names, removed
}

// Tend keeps the table readable in little time: every Config.CheckpointEvery entries it writes a checkpoint, then removes
// what is old and of no use any more. Call it after a commit, by as many as like. Its failure takes nothing from what was
// committed.
func (t *Table) Tend(ctx context.Context) (Tended, error) {
	var done Tended
	s, err := t.load(ctx)
	if err != nil {
		return done, err
	}
	if s.version-max(s.checkpoint, 0) < t.cfg.CheckpointEvery {
		return done, nil
	}
	if _, err := t.judge(s); err != nil {
		return done, err
	}
	if err := t.checkpoint(ctx, s); err != nil {
		return done, err
	}
	done.Checkpoint = true
	if done.Log, err = t.cutLog(ctx, s.checkpoint); err != nil {
		return done, err
	}
	done.Orphans, err = t.sweep(ctx, s)
	return done, err
}

// cutLog removes entries and checkpoints older than LogAge that a later checkpoint has made superfluous. Every version
// from that checkpoint on can still be read. Oldest first: when it is cut short, what is left has no gap.
func (t *Table) cutLog(ctx context.Context, newest int64) (int, error) {
	expired := t.cfg.Now().Add(-LogAge)
	var old []Object
	base := int64(0) // the last checkpoint before which all is old
	for o, err := range t.objects.List(ctx, logPrefix, logPrefix) {
		if err != nil {
			return 0, pix.E(pix.Unavailable, "cut the log of "+t.name, err)
		}
		version, checkpoint, ok := parseLogName(o.Name)
		if ok && checkpoint && version <= newest {
			base = version
		}
		if o.Updated.After(expired) {
			break
		}
		old = append(old, o)
	}
	removed := 0
	for _, o := range old {
		if !strings.HasPrefix(o.Name, logPrefix) || o.Name >= fmt.Sprintf("%s%020d", logPrefix, base) {
			break
		}
		if err := t.objects.Delete(ctx, o); err != nil {
			return removed, pix.E(pix.Unavailable, "cut the log of "+t.name, err)
		}
		removed++
	}
	return removed, nil
}

// sweep removes data files of this writer that no commit ever named and no commit may name any more. A file that a commit
// named and another removed is left to whoever vacuums.
func (t *Table) sweep(ctx context.Context, s *snapshot) (int, error) {
	op := "sweep " + t.name
	candidates, err := t.candidates(ctx, t.cfg.Now().Add(-OrphanAge))
	if err != nil || len(candidates) == 0 {
		return 0, pix.E(pix.KindOf(err), op, err)
	}
	for a, err := range t.checkpointed(ctx, s.checkpoint) {
		if err != nil {
			return 0, pix.E(pix.KindOf(err), op, err)
		}
		delete(candidates, a.path())
	}
	if len(candidates) == 0 {
		return 0, nil
	}
	if err := t.spare(ctx, candidates); err != nil {
		return 0, pix.E(pix.KindOf(err), op, err)
	}
	removed := 0
	for _, o := range candidates {
		if err := t.objects.Delete(ctx, o); err != nil {
			return removed, pix.E(pix.Unavailable, op, err)
		}
		removed++
	}
	return removed, nil
}

// candidates returns the data files that are old enough, by name.
func (t *Table) candidates(ctx context.Context, before time.Time) (map[string]Object, error) {
	found := map[string]Object{}
	for o, err := range t.objects.List(ctx, dataPrefix, dataPrefix) {
		if err != nil {
			return nil, pix.E(pix.Unavailable, "list", err)
		}
		if o.Updated.Before(before) {
			found[o.Name] = o
		}
	}
	return found, nil
}

// spare strikes out every file that what is left of the log names.
func (t *Table) spare(ctx context.Context, candidates map[string]Object) error {
	found, err := t.listLog(ctx, 0)
	if err != nil {
		return err
	}
	oldest := int64(0)
	if len(found.checkpoints) > 0 {
		oldest = found.checkpoints[0]
	}
	for _, version := range found.checkpoints {
		for a, err := range t.checkpointed(ctx, version) {
			if err != nil {
				return err
			}
			delete(candidates, a.path())
		}
	}
	s := newSnapshot()
	if _, err := t.objects.Stat(ctx, entryName(0)); err != nil {
		s.version = oldest
	}
	if err := t.replay(ctx, s, found.newest); err != nil {
		return err
	}
	for path := range s.changed {
		delete(candidates, path)
	}
	return nil
}
