package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// ErrMoved says that the log does not end where the slice began: somebody else exported meanwhile. Nothing was committed.
// Forget the files and begin anew at LastTxn.
var ErrMoved = errors.New("another exporter has committed since the slice was begun")

// ErrUncertain says that it is not known whether the commit took effect: the reply was lost and so was the question.
// Begin anew at LastTxn, which will say.
var ErrUncertain = errors.New("it is not known whether the commit took effect")

// Txn is what a commit does for its application: it moves it from one version to the next. For an exporter the versions
// are a slice's start and end in microseconds.
type Txn struct {
	AppID   string
	From    int64 // what LastTxn said when the slice was begun; 0 if it said nothing
	Version int64 // above From
}

// Result is what Commit has found or done.
type Result struct {
	Version int64 // of the table
	Already bool  // the transaction, or a later one, was there; the files are no part of the table
}

// Bounds of one commit: of the commits of others that it lets pass, and of the attempts at one entry.
const (
	maxRaces     = 100
	maxAttempts  = 4
	readBackTime = 10 * time.Second
)

// Commit makes files part of the table, all or none, and moves the transaction, which may go without files. It is safe to
// repeat. Of several that commit the same step of a transaction one succeeds; the others are told Already, or ErrMoved if
// the log is behind their version by then. A commit of somebody else in between is read and judged first.
func (t *Table) Commit(ctx context.Context, files []File, txn Txn) (Result, error) {
	op := "commit to " + t.name
	if txn.AppID == "" || txn.From < 0 || txn.Version <= txn.From {
		return Result{}, pix.E(pix.Invalid, op, fmt.Errorf("a transaction from %d to %d", txn.From, txn.Version))
	}
	now := t.cfg.Now()
	for _, f := range files {
		if age := now.Sub(f.begun); age > LongestCommit || age < -LongestCommit {
			return Result{}, pix.E(pix.Invalid, op, fmt.Errorf("%s was begun %s ago, at most %s are allowed", f.Path, age, LongestCommit))
		}
	}
	s, err := t.load(ctx)
	if err != nil {
		return Result{}, err
	}
	for range maxRaces {
		result, done, err := t.commitOn(ctx, s, files, txn)
		if err != nil {
			return Result{}, pix.E(pix.KindOf(err), op, err)
		}
		if done {
			return result, nil
		}
	}
	return Result{}, pix.E(pix.Unavailable, op, fmt.Errorf("%d others were first, one after the other", maxRaces))
}

// commitOn tries to follow a snapshot. If somebody else did so first, it takes that entry in and is not done.
func (t *Table) commitOn(ctx context.Context, s *snapshot, files []File, txn Txn) (Result, bool, error) {
	last := s.txns[txn.AppID].Version
	if last >= txn.Version {
		return Result{Version: s.version, Already: true}, true, nil
	}
	if last != txn.From {
		return Result{}, false, pix.E(pix.Unavailable, "judge", ErrMoved)
	}
	meta, err := t.judge(s)
	if err != nil {
		return Result{}, false, err
	}
	entry, err := encodeEntry(t.actions(files, txn, meta))
	if err != nil {
		return Result{}, false, err
	}
	found, err := t.put(ctx, s.version+1, entry)
	if err != nil {
		return Result{}, false, err
	}
	if err := s.advance(found); err != nil {
		return Result{}, false, err
	}
	return Result{Version: s.version}, bytes.Equal(found, entry), nil
}

// actions returns what a commit says.
func (t *Table) actions(files []File, txn Txn, meta *metaData) []action {
	now := t.cfg.Now().UnixMilli()
	info := t.commitInfo("WRITE", now)
	info.Parameters = map[string]string{"mode": "Append", "partitionBy": "[]"}
	actions := []action{{CommitInfo: info}, {Txn: &transaction{AppID: txn.AppID, Version: txn.Version, LastUpdated: &now}}}
	if meta != nil {
		actions = append(actions, action{MetaData: meta})
	}
	for _, f := range files {
		actions = append(actions, action{Add: &addFile{
			Path: f.Path, PartitionValues: map[string]string{}, Size: f.Size, ModificationTime: f.begun.UnixMilli(),
			DataChange: true, Stats: &f.stats,
		}})
	}
	return actions
}

// put creates an entry if absent and returns what is there afterwards: ours, or the one of whoever was first. After any
// failure the entry is read back, for it may be ours: its commit id is. If nothing is there the same bytes are tried
// again, so that a write which arrives late does no harm.
func (t *Table) put(ctx context.Context, version int64, entry []byte) ([]byte, error) {
	op := fmt.Sprintf("write entry %d of %s", version, t.name)
	var failures []error
	for range maxAttempts {
		err := t.objects.Create(ctx, entryName(version), entry)
		if err == nil {
			return entry, nil
		}
		found, readErr := t.readBack(ctx, entryName(version))
		if readErr == nil {
			return found, nil
		}
		failures = append(failures, err, readErr)
		if !errors.Is(readErr, fs.ErrNotExist) {
			break
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, pix.E(pix.Unavailable, op, errors.Join(append([]error{ErrUncertain}, failures...)...))
}

// readBack reads an object even when the caller has given up: what was written must not be called a failure.
func (t *Table) readBack(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBackTime)
	defer cancel()
	return t.objects.Read(ctx, name, 0, -1)
}
