package bq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/ncruces/go-sqlite3"
)

// inserter writes rows into the emulator's own tables. The emulator's way to them, which parses and analyses a statement
// for every append and turns each value over four times, takes ten times the processor. What a row must look like so that
// the emulator takes it for its own is in layout.go; of what is not known there, nothing is written.
type inserter struct {
	mu   sync.Mutex
	conn *sqlite3.Conn
}

// busyTimeout is how long an append waits for the emulator's writes: as long as those wait for each other.
const busyTimeout = time.Minute

func openInserter(name string) (*inserter, error) {
	conn, err := sqlite3.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := conn.BusyTimeout(busyTimeout); err != nil {
		return nil, errors.Join(fmt.Errorf("set time-out: %w", err), conn.Close())
	}
	return &inserter{conn: conn}, nil
}

func (i *inserter) close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.conn.Close() //nolint:wrapcheck // the caller joins it
}

// target is a table as one writer's schema fills it.
type target struct {
	fields fields
	names  []string
	insert string
}

// newTarget is errNotOurs for a stream of which something is not known here: its name, a column, a field.
func newTarget(stream *storagepb.WriteStream, name string, schema *storagepb.ProtoSchema) (*target, error) {
	part := strings.Split(name, "/") // projects/p/datasets/d/tables/t/streams/_default
	if len(part) != 8 || part[7] != "_default" || stream.GetType() != storagepb.WriteStream_COMMITTED || strings.ContainsAny(name, "`\\") {
		return nil, errNotOurs
	}
	fields, names, err := match(stream.GetTableSchema().GetFields(), schema.GetProtoDescriptor())
	if err != nil {
		return nil, err
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(names)), ",")
	sql := fmt.Sprintf("INSERT INTO `%s_%s_%s` (`%s`) VALUES (%s)", part[1], part[3], part[5], strings.Join(names, "`,`"), marks)
	return &target{fields: fields, names: names, insert: sql}, nil
}

// insert writes all the rows or none. After any error the emulator may be given them: it knows what to say.
func (i *inserter) insert(ctx context.Context, to *target, rows [][]byte) (err error) {
	decoded := make([][]cell, len(rows))
	for n, row := range rows {
		if decoded[n], err = to.fields.decode(row, len(to.names)); err != nil {
			return err
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // nobody waits any more
	}
	tx, err := i.conn.BeginImmediate()
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.End(&err)
	statement, _, err := i.conn.Prepare(to.insert)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	for _, cells := range decoded {
		if err := bind(statement, cells); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
		if err := statement.Exec(); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
	}
	return nil
}

func bind(s *sqlite3.Stmt, cells []cell) error {
	var failures []error
	for i := range cells {
		var err error
		switch c := &cells[i]; c.kind {
		case number:
			err = s.BindInt64(i+1, int64(c.bits))
		case truth:
			err = s.BindBool(i+1, c.bits != 0)
		case float:
			err = s.BindFloat(i+1, math.Float64frombits(c.bits))
		case text:
			err = s.BindRawText(i+1, c.encoded)
		default:
			err = s.BindNull(i + 1)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
