package bq

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/goccy/googlesqlite"
)

// engine asks the emulator's SQL engine, as the emulator does.
type engine struct{ db *sql.DB }

func openEngine(name string) (*engine, error) {
	db, err := sql.Open("googlesqlite", name) // the name leads to what the emulator has opened
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	return &engine{db}, nil
}

// query runs one query. Nobody writes until it is done.
func (e *engine) query(ctx context.Context, query string) (rows *sql.Rows, done func() error, err error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	if err := conn.Raw(wholeNames); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("begin: %w", err), conn.Close())
	}
	rows, err = tx.QueryContext(ctx, query) //nolint:rowserrcheck,sqlclosecheck // the caller's
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("query: %w", err), tx.Rollback(), conn.Close())
	}
	return rows, func() error { return errors.Join(rows.Close(), tx.Rollback(), conn.Close()) }, nil
}

// wholeNames has a connection take a table's name as project, dataset and table.
func wholeNames(driver any) error {
	conn, ok := driver.(*googlesqlite.Conn)
	if !ok {
		return fmt.Errorf("the engine's connection is a %T", driver)
	}
	conn.SetMaxNamePath(3)
	if err := conn.SetNamePath(nil); err != nil {
		return fmt.Errorf("set name path: %w", err)
	}
	return nil
}
