package vectors

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/order"
	"github.com/sentinela-pix/sentinela/shared/replay"
)

// log is an input in the order in which it is replayed.
type log struct {
	replay.Lines
	io.Closer
}

// openLog opens payments or statuses, sorted where that was asked for. Without a name there are none.
func (o *options) openLog(ctx context.Context, progress io.Writer, name string, moment func([]byte) (int64, error)) (*log, error) {
	if name == "" {
		return &log{replay.NewLines(strings.NewReader("")), io.NopCloser(nil)}, nil
	}
	f, err := file.Text(ctx, name)
	if err != nil {
		return nil, err
	}
	if !o.sort {
		return &log{replay.NewLines(f), f}, nil
	}
	defer func() { _ = f.Close() }()
	sorted, err := order.Sort(ctx, replay.NewLines(f), moment, order.Options{Report: func(read int) {
		fmt.Fprintf(progress, "vectors: %s: %d lines sorted\n", name, read)
	}})
	if err != nil {
		return nil, err
	}
	return &log{sorted, sorted}, nil
}
