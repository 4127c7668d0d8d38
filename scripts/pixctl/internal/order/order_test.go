package order_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/order"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// given is a source of lines that begin with their moment in eight bytes.
type given struct {
	lines  [][]byte
	number int
	after  func(number int) // called with the number of each line that was given, and with 0 at the end
	fails  error            // after the last line, instead of io.EOF
}

// Next implements order.Source.
func (g *given) Next() ([]byte, int, error) {
	if len(g.lines) == 0 {
		if g.after != nil {
			g.after(0)
		}
		return nil, 0, cmp.Or(g.fails, io.EOF)
	}
	line := g.lines[0]
	g.lines = g.lines[1:]
	g.number++
	if g.after != nil {
		g.after(g.number)
	}
	return line, g.number, nil
}

var errNoMoment, errTorn = errors.New("no moment"), errors.New("torn")

func moment(line []byte) (int64, error) {
	if len(line) < 8 {
		return 0, errNoMoment
	}
	return int64(binary.BigEndian.Uint64(line)), nil
}

// lines draws lines of which many share a moment, some have none, and some were too long to be read.
func lines(n int) [][]byte {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	list := make([][]byte, n)
	for i := range list {
		switch rng.IntN(50) {
		case 0:
			list[i] = nil
		case 1:
			list[i] = []byte("short")
		default:
			list[i] = fmt.Appendf(binary.BigEndian.AppendUint64(nil, rng.Uint64N(uint64(n)/3+1)), "line %d %s", i, strings.Repeat("x", rng.IntN(200)))
		}
	}
	return list
}

type numbered struct {
	Line   string
	TooBig bool
	Number int
}

func want(list [][]byte) []numbered {
	all := make([]numbered, len(list))
	for i, line := range list {
		all[i] = numbered{string(line), line == nil, i + 1}
	}
	at := func(n numbered) int64 {
		if m, err := moment([]byte(n.Line)); err == nil {
			return m
		}
		return -1
	}
	slices.SortStableFunc(all, func(a, b numbered) int { return int(at(a) - at(b)) })
	return all
}

// TestSort: whatever the room and the number of runs read at once, lines come in order of their moments, those of one moment
// in the order of the file, each with its number; memory and open files are bounded, and nothing stays on disk.
func TestSort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, room, fanIn int }{
		{0, 1, 2}, {1, 1, 2}, {2000, 1 << 20, 2}, {2000, 1 << 14, 32}, {20_000, 1 << 14, 2}, {20_000, 1 << 14, 5}, {300, 1, 7}, {300, 1, 1},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			dir, list := t.TempDir(), lines(c.lines)
			reported := 0
			sorted, err := order.Sort(t.Context(), &given{lines: slices.Clone(list)}, moment,
				order.Options{Dir: dir, Room: c.room, FanIn: c.fanIn, Report: func(read int) { reported = read }})
			if err != nil {
				t.Fatal(err)
			}
			runs, _ := filepath.Glob(dir + "/*/*")
			if most := max(c.fanIn, 2); len(runs) > most {
				t.Errorf("%d runs are read at once, want at most %d", len(runs), most)
			}
			got := []numbered{}
			for {
				line, number, err := sorted.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, numbered{string(line), line == nil, number})
			}
			if diff := gocmp.Diff(want(list), got); diff != "" {
				t.Errorf("(-want +got):\n%.2000s", diff)
			}
			if c.room < 1<<20 && c.lines > 1000 && reported < c.lines*9/10 {
				t.Errorf("progress was told up to line %d of %d", reported, c.lines)
			}
			if err := sorted.Close(); err != nil {
				t.Error(err)
			}
			nothingLeft(t, dir)
		})
	}
}

// TestSortStops: a sort that is interrupted, or whose input or disk fails, leaves nothing behind.
func TestSortStops(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]int{"while runs are written": 1500, "at the last line": 3000, "when all is read": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			in := &given{lines: lines(3000), after: func(number int) {
				if number == at {
					cancel()
				}
			}}
			if _, err := order.Sort(ctx, in, moment, order.Options{Dir: dir, Room: 1 << 14, FanIn: 2}); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			nothingLeft(t, dir)
		})
	}
	dir := t.TempDir()
	broken := &given{lines: lines(3000), after: func(number int) {
		if number == 2000 {
			runs, _ := filepath.Glob(dir + "/*/*")
			for _, run := range runs {
				if err := os.Truncate(run, 1000); err != nil {
					t.Error(err)
				}
			}
		}
	}}
	sorted, err := order.Sort(t.Context(), broken, moment, order.Options{Dir: dir, Room: 1 << 14, FanIn: 2})
	if err == nil {
		_ = sorted.Close()
		t.Error("runs that were cut short were merged")
	}
	nothingLeft(t, dir)
	for _, room := range []int{1 << 14, 1 << 20} {
		if _, err := order.Sort(t.Context(), &given{lines: lines(3000), fails: errTorn}, moment, order.Options{Dir: dir, Room: room}); !errors.Is(err, errTorn) {
			t.Errorf("an input that cannot be read to its end: %v", err)
		}
		nothingLeft(t, dir)
	}
	if _, err := order.Sort(t.Context(), &given{lines: lines(3000)}, moment, order.Options{Dir: dir + "/none", Room: 1}); err == nil {
		t.Error("a directory that is not there was written to")
	}
}

// TestSortInMemory: as far as the room goes nothing is written, whatever the directory.
func TestSortInMemory(t *testing.T) {
	t.Parallel()
	sorted, err := order.Sort(t.Context(), &given{lines: lines(3000)}, moment, order.Options{Dir: t.TempDir() + "/none"})
	if err != nil {
		t.Fatal(err)
	}
	if err := sorted.Close(); err != nil {
		t.Error(err)
	}
}

func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
