package lake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// encoder writes a checkpoint: the heads (protocol, metadata, transactions) in a row group of their own, so that reading
// them costs the same however many files follow.
type encoder func(w io.Writer, heads []action, files iter.Seq2[action, error]) error

// head is what readHeads wants of a row.
type head struct {
	Txn      *transaction `parquet:"txn,optional"`
	MetaData *metaData    `parquet:"metaData,optional"`
	Protocol *protocol    `parquet:"protocol,optional"`
}

// summary is what a checkpoint says, in whatever order: two that are equal say the same.
type summary struct {
	actions, adds int64
	sum           [4]uint64 // of the actions' digests
}

func (s *summary) add(a action) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("digest action: %w", err)
	}
	digest := sha256.Sum256(text)
	for i := range s.sum {
		s.sum[i] += binary.BigEndian.Uint64(digest[8*i:])
	}
	s.actions++
	if a.Add != nil {
		s.adds++
	}
	return nil
}

// checkpoint writes the state of a snapshot in one file, and has _last_checkpoint name it once it was read back and says
// what it should. A bad checkpoint makes a table unreadable for everybody, so it is decoded before it is uploaded too:
// some readers take the newest one whatever _last_checkpoint says.
func (t *Table) checkpoint(ctx context.Context, s *snapshot) error {
	op := fmt.Sprintf("checkpoint %s at %d", t.name, s.version)
	var buffer bytes.Buffer
	var want summary
	heads := s.heads()
	for _, a := range heads {
		if err := want.add(a); err != nil {
			return pix.E(pix.Unexpected, op, err)
		}
	}
	if err := t.encode(&buffer, heads, summing(t.files(ctx, s), &want)); err != nil {
		return pix.E(pix.KindOf(err), op, err)
	}
	got, err := summarise(bytes.NewReader(buffer.Bytes()), int64(buffer.Len()))
	if err != nil || got != want {
		return pix.E(pix.Unexpected, op, errors.Join(errors.New("what was encoded does not decode to the table's state: nothing was uploaded"), err))
	}
	name := checkpointName(s.version)
	created := t.objects.Create(ctx, name, buffer.Bytes())
	if err := t.confirm(ctx, name, want, created == nil); err != nil {
		return pix.E(pix.KindOf(err), op, errors.Join(err, created))
	}
	hint, err := json.Marshal(struct {
		Version int64 `json:"version"`
		Size    int64 `json:"size"`
		Bytes   int   `json:"sizeInBytes"`
		Adds    int64 `json:"numOfAddFiles"`
	}{s.version, want.actions, buffer.Len(), want.adds})
	if err != nil {
		return pix.E(pix.Unexpected, op, err)
	}
	if err := t.replace(ctx, lastCheckpoint, hint); err != nil {
		return pix.E(pix.Unavailable, op, err)
	}
	s.checkpoint = s.version
	return nil
}

// replace writes what it does no harm to repeat. The reply may be lost, so it looks before it tries again.
func (t *Table) replace(ctx context.Context, name string, data []byte) error {
	var failures []error
	for range maxAttempts {
		err := t.objects.Replace(ctx, name, data)
		if err == nil {
			return nil
		}
		found, readErr := t.readBack(ctx, name)
		if readErr == nil && bytes.Equal(found, data) {
			return nil
		}
		if failures = append(failures, err, readErr); ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// confirm reads a checkpoint back from where it was put. If it does not say what it should and is ours, it is removed.
func (t *Table) confirm(ctx context.Context, name string, want summary, ours bool) error {
	o, err := t.objects.Stat(ctx, name)
	if err != nil {
		return pix.E(pix.Unavailable, "read back", err)
	}
	got, err := summarise(newReaderAt(ctx, t.objects, o, largeBlock), o.Size)
	switch {
	case err == nil && got == want:
		return nil
	case err != nil && pix.KindOf(err) == pix.Unavailable:
		return err
	case !ours:
		return pix.E(pix.Unexpected, "read back", errors.Join(fmt.Errorf("%s is somebody else's and differs from the log", name), err))
	default:
		return pix.E(pix.Unexpected, "read back", errors.Join(
			fmt.Errorf("the stored checkpoint differs from the log: %s was removed", name), err, t.objects.Delete(ctx, o)))
	}
}

// heads returns the actions of a snapshot that are not about files.
func (s *snapshot) heads() []action {
	heads := []action{{Protocol: s.protocol}, {MetaData: s.meta}}
	for _, txn := range s.txns {
		heads = append(heads, action{Txn: &txn})
	}
	slices.SortFunc(heads[2:], func(a, b action) int { return bytes.Compare([]byte(a.Txn.AppID), []byte(b.Txn.AppID)) })
	for i := range heads {
		heads[i] = normal(heads[i])
	}
	return heads
}

// files yields what a checkpoint must say about files: those of the checkpoint before, with what has changed since.
// Tombstones are kept for LogAge, for whoever vacuums.
func (t *Table) files(ctx context.Context, s *snapshot) iter.Seq2[action, error] {
	expired := t.cfg.Now().Add(-LogAge).UnixMilli()
	keep := func(a action) bool {
		return a.Add != nil || a.Remove != nil && a.Remove.DeletionTimestamp != nil && *a.Remove.DeletionTimestamp > expired
	}
	return func(yield func(action, error) bool) {
		for a, err := range t.checkpointed(ctx, s.checkpoint) {
			if err != nil {
				yield(a, err)
				return
			}
			if _, changed := s.changed[a.path()]; !changed && keep(a) && !yield(a, nil) {
				return
			}
		}
		for _, path := range s.order {
			a := normal(s.changed[path])
			if keep(a) && !yield(a, nil) {
				return
			}
		}
	}
}

// checkpointed yields the files that a checkpoint names.
func (t *Table) checkpointed(ctx context.Context, version int64) iter.Seq2[action, error] {
	return func(yield func(action, error) bool) {
		if version == none {
			return
		}
		file, err := t.openCheckpoint(ctx, version, largeBlock)
		if err != nil {
			yield(action{}, err)
			return
		}
		for a, err := range rows[action](file) {
			if (err != nil || a.path() != "") && !yield(normal(a), err) {
				return
			}
		}
	}
}

func (a action) path() string {
	switch {
	case a.Add != nil:
		return a.Add.Path
	case a.Remove != nil:
		return a.Remove.Path
	default:
		return ""
	}
}

// readHeads reads a checkpoint without its files.
func (t *Table) readHeads(ctx context.Context, version int64) (*snapshot, error) {
	file, err := t.openCheckpoint(ctx, version, smallBlock)
	if err != nil {
		return nil, err
	}
	s := newSnapshot()
	s.version, s.checkpoint = version, version
	for h, err := range rows[head](file) {
		if err != nil {
			return nil, pix.E(pix.KindOf(err), fmt.Sprintf("read checkpoint %d", version), err)
		}
		s.apply([]action{{Txn: h.Txn}, {MetaData: h.MetaData}, {Protocol: h.Protocol}})
	}
	if s.protocol == nil || s.meta == nil {
		return nil, pix.E(pix.Invalid, fmt.Sprintf("read checkpoint %d", version), errors.New("it names no protocol or no schema"))
	}
	return s, nil
}

func (t *Table) openCheckpoint(ctx context.Context, version, block int64) (*parquet.File, error) {
	op := fmt.Sprintf("open checkpoint %d", version)
	o, err := t.objects.Stat(ctx, checkpointName(version))
	if err != nil {
		return nil, pix.E(pix.Unavailable, op, err)
	}
	file, err := openParquet(newReaderAt(ctx, t.objects, o, block), o.Size)
	if err != nil {
		return nil, pix.E(pix.KindOf(err), op, err)
	}
	return file, nil
}

// summing adds to a summary what passes.
func summing(actions iter.Seq2[action, error], s *summary) iter.Seq2[action, error] {
	return func(yield func(action, error) bool) {
		for a, err := range actions {
			if err == nil {
				err = s.add(a)
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// summarise reads a whole checkpoint.
func summarise(r io.ReaderAt, size int64) (summary, error) {
	var s summary
	file, err := openParquet(r, size)
	if err != nil {
		return s, err
	}
	for a, err := range rows[action](file) {
		if err == nil {
			err = s.add(normal(a))
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// normal spells an action in the one way that both forms of the log can hold. A checkpoint changes no data.
func normal(a action) action {
	if a.Add != nil {
		f := *a.Add
		f.DataChange = false
		f.PartitionValues = orEmpty(f.PartitionValues)
		if len(f.Tags) == 0 {
			f.Tags = nil
		}
		a.Add = &f
	}
	if a.Remove != nil {
		f := *a.Remove
		f.DataChange = false
		a.Remove = &f
	}
	if a.MetaData != nil {
		m := *a.MetaData
		m.Configuration, m.Format.Options = orEmpty(m.Configuration), orEmpty(m.Format.Options)
		if m.PartitionColumns == nil {
			m.PartitionColumns = []string{}
		}
		a.MetaData = &m
	}
	return a
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
