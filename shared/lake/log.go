package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	logPrefix      = "_delta_log/"
	lastCheckpoint = logPrefix + "_last_checkpoint"
	dataPrefix     = "part-"
	none           = int64(-1) // no version
)

func entryName(version int64) string { return fmt.Sprintf("%s%020d.json", logPrefix, version) }
func checkpointName(version int64) string {
	return fmt.Sprintf("%s%020d.checkpoint.parquet", logPrefix, version)
}

// parseLogName tells what an object of the log is. Checkpoints of other forms (in parts, version 2) count as nothing: the
// entries before them are read instead.
func parseLogName(name string) (version int64, checkpoint, ok bool) {
	digits, rest, _ := strings.Cut(strings.TrimPrefix(name, logPrefix), ".")
	version, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(digits) != 20 || version < 0 {
		return 0, false, false
	}
	return version, rest == "checkpoint.parquet", rest == "checkpoint.parquet" || rest == "json"
}

// snapshot is the table at a version, without the files that its checkpoint names: those are many, and only a new
// checkpoint needs them.
type snapshot struct {
	version    int64
	checkpoint int64 // what it was read from, none if from the entries alone
	protocol   *protocol
	meta       *metaData
	txns       map[string]transaction
	changed    map[string]action // files added or removed since the checkpoint, by path: the newest word on each
	order      []string          // of changed
}

func newSnapshot() *snapshot {
	return &snapshot{version: none, checkpoint: none, txns: map[string]transaction{}, changed: map[string]action{}}
}

// apply takes in the actions of one entry or checkpoint.
func (s *snapshot) apply(actions []action) {
	for _, a := range actions {
		switch {
		case a.Protocol != nil:
			s.protocol = a.Protocol
		case a.MetaData != nil:
			s.meta = a.MetaData
		case a.Txn != nil:
			s.txns[a.Txn.AppID] = *a.Txn
		case a.Add != nil:
			s.change(a.Add.Path, a)
		case a.Remove != nil:
			s.change(a.Remove.Path, a)
		}
	}
}

func (s *snapshot) change(path string, a action) {
	if _, ok := s.changed[path]; !ok {
		s.order = append(s.order, path)
	}
	s.changed[path] = a
}

// span is what a listing of the log found.
type span struct {
	checkpoints []int64 // ascending
	newest      int64   // entry
}

// load reads the newest version. The listing begins at the last checkpoint that is known to be good, so it is as long for
// an old table as for a young one. If what it finds is of no use, all of the log is looked at.
func (t *Table) load(ctx context.Context) (*snapshot, error) {
	hint := t.readHint(ctx)
	s, err := t.loadFrom(ctx, hint)
	if err != nil && hint > 0 && ctx.Err() == nil {
		s, err = t.loadFrom(ctx, 0)
	}
	if err != nil {
		return nil, pix.E(pix.KindOf(err), "read the log of "+t.name, err)
	}
	return s, nil
}

// readHint returns the version that _last_checkpoint names. It is only a hint: without it the log is read from its start.
func (t *Table) readHint(ctx context.Context) int64 {
	data, err := t.objects.Read(ctx, lastCheckpoint, 0, maxHint)
	var hint struct {
		Version int64 `json:"version"`
	}
	if err != nil || json.Unmarshal(data, &hint) != nil || hint.Version < 0 {
		return 0
	}
	return hint.Version
}

const maxHint = 64 << 10

func (t *Table) loadFrom(ctx context.Context, first int64) (*snapshot, error) {
	found, err := t.listLog(ctx, first)
	if err != nil {
		return nil, err
	}
	var failures []error
	for i := len(found.checkpoints) - 1; i >= 0; i-- {
		s, err := t.readHeads(ctx, found.checkpoints[i])
		if err == nil {
			err = t.replay(ctx, s, found.newest)
		}
		if err == nil {
			return s, nil
		}
		failures = append(failures, err)
	}
	if first > 0 { // entries from the middle on say nothing without a checkpoint
		return nil, pix.E(pix.Invalid, "read log", errors.Join(append(failures, fmt.Errorf("no checkpoint from %d on", first))...))
	}
	s := newSnapshot()
	if err := t.replay(ctx, s, found.newest); err != nil {
		return nil, pix.E(pix.KindOf(err), "read log", errors.Join(append(failures, err)...))
	}
	return s, nil
}

// listLog lists the log from a version on.
func (t *Table) listLog(ctx context.Context, first int64) (span, error) {
	found := span{newest: none}
	for o, err := range t.objects.List(ctx, logPrefix, fmt.Sprintf("%s%020d", logPrefix, first)) {
		if err != nil {
			return found, pix.E(pix.Unavailable, "list", err)
		}
		version, checkpoint, ok := parseLogName(o.Name)
		switch {
		case ok && checkpoint:
			found.checkpoints = append(found.checkpoints, version)
			found.newest = max(found.newest, version)
		case ok:
			found.newest = max(found.newest, version)
		}
	}
	return found, nil
}

// replay brings a snapshot up to a version, entry by entry.
func (t *Table) replay(ctx context.Context, s *snapshot, newest int64) error {
	for s.version < newest {
		data, err := t.objects.Read(ctx, entryName(s.version+1), 0, -1)
		if errors.Is(err, fs.ErrNotExist) {
			return pix.E(pix.Invalid, "read log", fmt.Errorf("entry %d is missing: the log was cut or is damaged", s.version+1))
		}
		if err != nil {
			return pix.E(pix.Unavailable, "read log", fmt.Errorf("entry %d: %w", s.version+1, err))
		}
		if err := s.advance(data); err != nil {
			return err
		}
	}
	return nil
}

// advance takes in the entry that follows.
func (s *snapshot) advance(data []byte) error {
	actions, err := decodeEntry(data)
	if err != nil {
		return pix.E(pix.Invalid, "read log", fmt.Errorf("entry %d: %w", s.version+1, err))
	}
	s.apply(actions)
	s.version++
	return nil
}
