package lake

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Test access to what the package keeps to itself.
var (
	EntryName      = entryName
	CheckpointName = checkpointName
	CutAbove       = cutAbove
)

// LastCheckpoint is the name of the object that names the last checkpoint.
const LastCheckpoint = lastCheckpoint

// Files returns the paths of the files that are part of the newest version, sorted by their first mention, and the version.
func (t *Table) Files(ctx context.Context) ([]string, int64, error) {
	s, err := t.load(ctx)
	if err != nil {
		return nil, 0, err
	}
	var paths []string
	for a, err := range t.files(ctx, s) {
		if err != nil {
			return nil, 0, err
		}
		if a.Add != nil {
			paths = append(paths, a.Add.Path)
		}
	}
	return paths, s.version, nil
}

// LoadVersion reads the newest version as a commit does, without the files.
func (t *Table) LoadVersion(ctx context.Context) (version, checkpoint int64, err error) {
	s, err := t.load(ctx)
	if err != nil {
		return 0, 0, err
	}
	return s.version, s.checkpoint, nil
}

// BreakEncoder makes the table's checkpoints faulty in a named way.
func (t *Table) BreakEncoder(how string) {
	t.encode = func(w io.Writer, heads []action, files iter.Seq2[action, error]) error {
		switch how {
		case "loses a file":
			return encodeCheckpoint(w, heads, skipFirst(files))
		case "loses the transactions":
			return encodeCheckpoint(w, heads[:2], files)
		case "changes a size":
			return encodeCheckpoint(w, heads, resized(files))
		case "stops in the middle":
			return encodeCheckpoint(&short{w: w, left: 500}, heads, files)
		case "writes nothing":
			for _, err := range files {
				if err != nil {
					return err
				}
			}
			return nil
		default:
			return errors.New("unknown fault")
		}
	}
}

func skipFirst(files iter.Seq2[action, error]) iter.Seq2[action, error] {
	return func(yield func(action, error) bool) {
		first := true
		for a, err := range files {
			if !first && !yield(a, err) {
				return
			}
			first = false
		}
	}
}

func resized(files iter.Seq2[action, error]) iter.Seq2[action, error] {
	return func(yield func(action, error) bool) {
		for a, err := range files {
			if a.Add != nil {
				f := *a.Add
				f.Size++
				a.Add = &f
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// short swallows what comes after some bytes.
type short struct {
	w    io.Writer
	left int
}

func (s *short) Write(p []byte) (int, error) {
	n := min(len(p), s.left)
	s.left -= n
	if _, err := s.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// DecodeEntry decodes a log entry and encodes what it understood.
func DecodeEntry(data []byte) ([]byte, error) {
	actions, err := decodeEntry(data)
	if err != nil {
		return nil, err
	}
	return encodeEntry(actions)
}

// DecodeCheckpoint reads a checkpoint and returns how many actions it has.
func DecodeCheckpoint(r io.ReaderAt, size int64) (int64, error) {
	s, err := summarise(r, size)
	return s.actions, err
}
